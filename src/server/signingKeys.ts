import { and, desc, eq, gt, lte, sql } from 'drizzle-orm';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { addDays, addMillis, type Instant, millis } from '../core/clock.js';
import type { Db } from '../core/db.js';
import { SIGNED_BY, type Sign, type SignedKind, signedTypes } from '../core/tokenTypes.js';
import type { Machinery } from './operation/operation.js';
import { signingKeys } from './table.js';

/** How long a key signs, and how long before its end the next one is published. */
const SIGNS_DAYS = 90;
const PUBLISHED_AHEAD_DAYS = 7;
/** Whoever verifies works with the keys that it has for so long: a new key is published for longer before it signs. */
export const KEPT_SECONDS = 300;
/** What was signed on a key's last day may be looked at for longer than a year. */
const VERIFIES_DAYS = 400;
/** How long keys are worked with before they are read again: that one was retired is known by then. */
const READ_MILLIS = 1_000;
/** One number for all servers, with the number of the kind. */
const SIGNING_LOCK = 7_461_203;

type SigningKey = typeof signingKeys.$inferSelect;
type Parts = Pick<Machinery, 'pool' | 'keys' | 'clock'>;

const bond = (kid: string): string => `signing_key:${kid}`;

/** A key pair for one kind of token; Ed25519 (RFC 8037), named by its thumbprint (RFC 7638). */
async function newKey(
  { keys }: Parts,
  purpose: SignedKind,
  now: Instant,
  signsFrom: Instant,
): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const signsUntil = addDays(signsFrom, SIGNS_DAYS);
  return {
    kid,
    purpose,
    publicJwk: { ...publicJwk, kid, alg: 'EdDSA', use: 'sig' },
    privateJwk: keys.encrypt(JSON.stringify(await exportJWK(privateKey)), bond(kid)),
    signsFrom,
    signsUntil,
    verifiesUntil: addDays(signsUntil, VERIFIES_DAYS),
    createdAt: now,
  };
}

/** Keys that sign or will sign, the newest first. */
function unfinished(db: Db, purpose: SignedKind, now: Instant): Promise<SigningKey[]> {
  return db
    .select()
    .from(signingKeys)
    .where(
      and(
        eq(signingKeys.purpose, purpose),
        gt(signingKeys.signsUntil, now),
        gt(signingKeys.verifiesUntil, now),
      ),
    )
    .orderBy(desc(signingKeys.signsFrom));
}

function signerIn(keys: readonly SigningKey[], now: Instant): SigningKey | undefined {
  return keys.find(({ signsFrom }) => signsFrom <= now);
}

/** When the next key has to begin; undefined as long as there is time. */
function nextBegins(keys: readonly SigningKey[], now: Instant): Instant | undefined {
  const [newest] = keys;
  if (newest === undefined || signerIn(keys, now) === undefined) return now;
  return addDays(newest.signsUntil, -PUBLISHED_AHEAD_DAYS) <= now ? newest.signsUntil : undefined;
}

const current = (keys: readonly SigningKey[], now: Instant): readonly SigningKey[] =>
  keys.filter(({ signsUntil }) => signsUntil > now);

interface Read {
  readonly keys: Promise<readonly SigningKey[]>;
  readonly at: number;
}

/**
 * What this deployment signs with. Each kind of token has a key of its own, made by whoever needs it first, and followed
 * by another before it ends; servers share them through the database, where the private half is encrypted.
 */
export class SigningKeys {
  readonly #read = new Map<SignedKind, Read>();
  readonly #private = new Map<string, Promise<Awaited<ReturnType<typeof importJWK>>>>();

  constructor(private readonly parts: Parts) {}

  readonly sign: Sign = async (kind, claims, lifeSeconds) => {
    const { kid, privateJwk } = await this.#signer(kind);
    const issuedAt = Math.floor(millis(this.parts.clock()) / 1000);
    const known = this.#private.get(kid);
    const key = known ?? importJWK(JSON.parse(this.parts.keys.decrypt(privateJwk, bond(kid))), 'EdDSA');
    this.#private.set(kid, key);
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'EdDSA', typ: signedTypes[kind], kid })
      .setIssuer(SIGNED_BY)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifeSeconds)
      .sign(await key);
  };

  /** What verifies now or will, for the JWKS document. */
  async publicKeys(): Promise<JWK[]> {
    const now = this.parts.clock();
    const rows = await this.parts.pool.db
      .select({ jwk: signingKeys.publicJwk })
      .from(signingKeys)
      .where(gt(signingKeys.verifiesUntil, now))
      .orderBy(signingKeys.createdAt, signingKeys.kid);
    return rows.map(({ jwk }) => jwk);
  }

  /** Has another key sign as soon as verifiers know it, and the present one end then. */
  async rotate(kind: SignedKind): Promise<string> {
    const begins = addMillis(this.parts.clock(), 2 * KEPT_SECONDS * 1000);
    const made = await this.#underLock(kind, async (db) => {
      await db
        .update(signingKeys)
        .set({ signsUntil: begins })
        .where(
          and(
            eq(signingKeys.purpose, kind),
            lte(signingKeys.signsFrom, begins),
            gt(signingKeys.signsUntil, begins),
          ),
        );
      return this.#insert(db, kind, begins);
    });
    this.#read.delete(kind);
    return made.kid;
  }

  /** Nothing that this key has signed verifies from now on. Answers whether there was such a key. */
  async retire(kid: string): Promise<boolean> {
    const now = this.parts.clock();
    const rows = await this.parts.pool.db
      .update(signingKeys)
      .set({ signsUntil: sql`least(${signingKeys.signsUntil}, ${now}::timestamptz)`, verifiesUntil: now })
      .where(eq(signingKeys.kid, kid))
      .returning({ kid: signingKeys.kid });
    this.#read.clear();
    return rows.length > 0;
  }

  async #signer(kind: SignedKind): Promise<SigningKey> {
    const now = this.parts.clock();
    const signer = signerIn(await this.#known(kind, now), now);
    if (signer === undefined) throw new Error(`no key signs ${kind}`);
    return signer;
  }

  /** Keys that sign now or will, as they were read some moments ago; all who ask meanwhile share one reading. */
  async #known(kind: SignedKind, now: Instant): Promise<readonly SigningKey[]> {
    const last = this.#read.get(kind);
    const keys = await last?.keys.catch(() => undefined);
    const isFresh = last !== undefined && performance.now() - last.at < READ_MILLIS;
    if (isFresh && keys !== undefined && nextBegins(current(keys, now), now) === undefined)
      return current(keys, now);
    if (last !== this.#read.get(kind)) return this.#known(kind, now);
    const reading = this.#load(kind, now);
    this.#read.set(kind, { keys: reading, at: performance.now() });
    return reading;
  }

  /** Makes the key that is missing, unless another server has: it is looked for again behind the lock. */
  async #load(kind: SignedKind, now: Instant): Promise<readonly SigningKey[]> {
    const known = await unfinished(this.parts.pool.db, kind, now);
    if (nextBegins(known, now) === undefined) return known;
    return this.#underLock(kind, async (db) => {
      const again = await unfinished(db, kind, now);
      const begins = nextBegins(again, now);
      return begins === undefined ? again : [await this.#insert(db, kind, begins), ...again];
    });
  }

  async #insert(db: Db, kind: SignedKind, begins: Instant): Promise<SigningKey> {
    const key = await newKey(this.parts, kind, this.parts.clock(), begins);
    await db.insert(signingKeys).values(key);
    return key;
  }

  async #underLock<Result>(kind: SignedKind, run: (db: Db) => Promise<Result>): Promise<Result> {
    // Whoever signs may hold a connection of those that requests wait for.
    const session = await this.parts.pool.beginApart();
    try {
      const number = Object.keys(signedTypes).indexOf(kind);
      await session.db.execute(sql`select pg_advisory_xact_lock(${SIGNING_LOCK}::int, ${number}::int)`);
      const result = await run(session.db);
      await session.commit();
      return result;
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }
}
