import { errors, importJWK, type JWK, jwtVerify } from 'jose';
import {
  BREAK_WINDOW,
  breakBehind,
  type ChainEnd,
  genesis,
  type TrailBreak,
  type TrailEntry,
} from '../../audit/model/chain.js';
import {
  CHECKPOINT,
  type Checkpoint,
  type CheckpointClaims,
  claimsOf,
  kidOf,
} from '../../audit/model/checkpoint.js';
import { type Outcome, TrailCheck } from '../../audit/model/trailCheck.js';
import { SIGNED_BY, signedTypes } from '../../core/tokenTypes.js';
import { type ExportLine, readLine, UnreadableLine } from './exportLines.js';

export interface TrailKeys {
  readonly keys: readonly JWK[];
}

/** What an export is worth. */
export interface TrailReport {
  readonly tenantId: string;
  readonly from: number;
  /** Up to there the chain holds. */
  readonly to: number;
  readonly hash: string;
  /** Up to there a checkpoint says the same that one of the keys has signed. */
  readonly coveredTo: number | null;
  readonly broken: TrailBreak | null;
  /** Whether the export begins where the trail does, or behind a boundary that was signed. */
  readonly fromBeginning: boolean;
  /** Whether it says of itself that nothing follows. */
  readonly toEnd: boolean;
  /** Handed-out checkpoints that none of the keys has signed for this tenant. */
  readonly unproven: number;
}

/** What one of the keys has signed of a trail; undefined if none has. */
class Signatures {
  readonly #known: ReadonlyMap<string, JWK>;

  constructor({ keys }: TrailKeys) {
    this.#known = new Map(keys.flatMap((key) => (key.kid === undefined ? [] : [[key.kid, key]])));
  }

  knows({ token }: Checkpoint): boolean {
    return this.#known.has(kidOf(token));
  }

  async claims(token: string, tenantId: string): Promise<CheckpointClaims | undefined> {
    const key = this.#known.get(kidOf(token));
    if (key === undefined) return undefined;
    const options = { algorithms: ['EdDSA'], typ: signedTypes[CHECKPOINT], issuer: SIGNED_BY };
    try {
      const { payload } = await jwtVerify(token, await importJWK(key, 'EdDSA'), options);
      const claims = claimsOf(payload);
      return claims?.tenant === tenantId ? claims : undefined;
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  async isSigned({ token, ...end }: Checkpoint, tenantId: string): Promise<boolean> {
    const claims = await this.claims(token, tenantId);
    return claims?.sequence === end.sequence && claims.hash === end.hash;
  }
}

/** Lines of an export in order, with entries taken together. */
async function* piecesOf(lines: AsyncIterable<string>): AsyncGenerator<ExportLine | readonly TrailEntry[]> {
  let entries: TrailEntry[] = [];
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const read = lineAt(line, number);
    if (read.kind === 'entry' && entries.push(read.entry) < BREAK_WINDOW) continue;
    if (entries.length > 0) yield entries;
    entries = [];
    if (read.kind !== 'entry') yield read;
  }
  if (entries.length > 0) yield entries;
}

function lineAt(line: string, number: number): ExportLine {
  try {
    return readLine(line);
  } catch (error) {
    if (error instanceof UnreadableLine) throw new UnreadableLine(`line ${number}: ${error.message}`);
    throw error;
  }
}

const at = (problem: TrailBreak['problem'], sequence: number): TrailBreak => ({
  problem,
  sequence,
  eventId: null,
});

interface Begun {
  readonly tenantId: string;
  readonly from: number;
  readonly fromBeginning: boolean;
  readonly check: TrailCheck;
  readonly unproven: number;
}

class OfflineVerifier {
  #begun: Begun | undefined;
  #toEnd = false;
  /** Where the chain broke, and what was read behind it to say how. */
  #break: { readonly end: ChainEnd; readonly entries: TrailEntry[] } | undefined;
  #broken: TrailBreak | undefined;

  constructor(
    private readonly signatures: Signatures,
    private readonly kept: readonly Checkpoint[],
  ) {}

  /** Whether nothing that follows would change the answer. */
  get isDecided(): boolean {
    return this.#broken !== undefined || (this.#break?.entries.length ?? 0) >= BREAK_WINDOW;
  }

  async take(piece: ExportLine | readonly TrailEntry[]): Promise<void> {
    if (this.#break !== undefined) {
      if (!('kind' in piece)) this.#break.entries.push(...piece);
      return;
    }
    if (!('kind' in piece)) return this.#entries(piece);
    if (piece.kind === 'trail') return this.#begin(piece);
    const { check } = this.#started();
    if (piece.kind === 'checkpoint') check.expect([piece.checkpoint]);
    if (piece.kind === 'end') this.#toEnd = true;
  }

  #started(): Begun {
    if (this.#begun === undefined) throw new UnreadableLine('line 1: an export begins with its `trail`');
    return this.#begun;
  }

  /** A further page has to go on where the last one ended. */
  async #begin({ tenantId, after, boundary }: ExportLine & { readonly kind: 'trail' }): Promise<void> {
    const known = this.#begun;
    if (known !== undefined) {
      const { end } = known.check;
      if (known.tenantId !== tenantId || end.sequence !== after.sequence || end.hash !== after.hash)
        this.#broken = at('DELETED', end.sequence + 1);
      return;
    }
    const first = genesis(tenantId);
    const claims = boundary === null ? undefined : await this.signatures.claims(boundary, tenantId);
    const isBoundary = claims?.boundary === true && claims.sequence >= after.sequence;
    // The rest has to hang on what was signed before its beginning was deleted.
    const boundaries = isBoundary ? [{ ...claims, token: boundary ?? '' }] : [];
    const proven: Checkpoint[] = [];
    for (const checkpoint of this.kept)
      if (await this.signatures.isSigned(checkpoint, tenantId)) proven.push(checkpoint);
    this.#begun = {
      tenantId,
      from: after.sequence + 1,
      fromBeginning: after.sequence === 0 || isBoundary,
      check: new TrailCheck(after.sequence === 0 ? first : after, [...proven, ...boundaries]),
      unproven: this.kept.length - proven.length,
    };
  }

  async #entries(entries: readonly TrailEntry[]): Promise<void> {
    const { check } = this.#started();
    const outcome = check.take(entries);
    if (outcome.state === 'BROKEN') {
      const behind = entries.filter((_, index) => index >= reached(entries, check.end));
      this.#break = { end: check.end, entries: [...behind] };
    } else this.#broken = await this.#contradiction(outcome);
  }

  async #contradiction(outcome: Outcome): Promise<TrailBreak | undefined> {
    if (outcome.state !== 'CONTRADICTED') return undefined;
    const { checkpoint, found } = outcome.by;
    const isSigned = await this.signatures.isSigned(checkpoint, this.#started().tenantId);
    return isSigned ? found : at('CHECKPOINT_MISMATCH', checkpoint.sequence);
  }

  async #covered(check: TrailCheck): Promise<number | null> {
    const newest = check.agreeing.findLast((checkpoint) => this.signatures.knows(checkpoint));
    if (newest === undefined) return null;
    if (await this.signatures.isSigned(newest, this.#started().tenantId)) return newest.sequence;
    this.#broken ??= at('CHECKPOINT_MISMATCH', newest.sequence);
    return null;
  }

  async report(): Promise<TrailReport> {
    const { check, tenantId, from, fromBeginning, unproven } = this.#started();
    if (this.#break !== undefined) this.#broken = breakBehind(this.#break.end, this.#break.entries);
    if (this.#broken === undefined && this.#toEnd) this.#broken = await this.#contradiction(check.finish());
    const coveredTo = await this.#covered(check);
    const { sequence: to, hash } = check.end;
    const broken = this.#broken ?? null;
    return { tenantId, from, to, hash, coveredTo, broken, fromBeginning, toEnd: this.#toEnd, unproven };
  }
}

/** How many of these entries lie before the end that was reached. */
function reached(entries: readonly TrailEntry[], end: ChainEnd): number {
  return entries.findIndex(({ sequence, hash }) => sequence === end.sequence && hash === end.hash) + 1;
}

/**
 * Verifies an exported trail with nothing but the export, the public keys that its reader trusts, and the checkpoints that he
 * kept. Holds some thousand entries at once, however long the export is.
 */
export async function verifyTrail(
  lines: AsyncIterable<string>,
  keys: TrailKeys,
  kept: readonly Checkpoint[] = [],
): Promise<TrailReport> {
  const verifier = new OfflineVerifier(new Signatures(keys), kept);
  for await (const piece of piecesOf(lines)) {
    await verifier.take(piece);
    if (verifier.isDecided) break;
  }
  return verifier.report();
}
