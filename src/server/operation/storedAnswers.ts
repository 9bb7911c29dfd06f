import { createHash } from 'node:crypto';
import { type SQL, sql } from 'drizzle-orm';
import { addDays, type Instant } from '../../core/clock.js';
import { arrayOf, prepared } from '../../core/prepared.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { idempotencyKeys as answers } from '../table.js';
import { type Claim, keyName } from './idempotency.js';
import { keyInUse } from './turns.js';

/** For how long an answer is replayed. */
export const KEPT_DAYS = 7;

export function keptSince(now: Instant): Instant {
  return addDays(now, -KEPT_DAYS);
}

/** Behind an answer that is over the next one stands with its instant: whoever serves requests deletes nothing. */
const laterName = (name: string, now: Instant): string => `${name}#${now}`;
export const firstName = (name: string): string => name.replace(/#\d{4}-.*$/, '');

function keyReused(): Refusal {
  const message =
    'This Idempotency-Key came before with another operation or other variables; take a new one.';
  return new Refusal('IDEMPOTENCY_KEY_REUSED', message);
}

/** What a payload is bound to: it opens in its own row only. */
function bond({ place }: Claim, name: string): string {
  return JSON.stringify([place.tenantId, place.actor, place.key, name]);
}

/** Columns of claims as arrays: one statement text serves any number of them. */
function columns(claims: readonly Claim[], ...of: ((claim: Claim) => string)[]): SQL {
  const arrays = of.map((column) => sql`${sql.param(claims.map(column))}::text[]`);
  return sql.join(arrays, sql`, `);
}

interface StoredRow extends Record<string, unknown> {
  readonly place: string;
  /** Whether it is the claim's own answer; else it is what another operation was answered to the same key. */
  readonly own: boolean;
  readonly name: string;
  readonly hash: string;
  readonly payload: string;
  readonly kept: boolean;
}

/** What is stored under a claim's key: its newest answer, over or not, and whether another operation came with it. */
interface Stored {
  readonly own?: StoredRow;
  readonly other?: StoredRow;
}

/** The same by the claim's place in the list. */
async function newest(work: Work, claims: readonly Claim[]): Promise<ReadonlyMap<number, Stored>> {
  const isKept = sql`${answers.createdAt} >= ${keptSince(work.now)}::timestamptz`;
  const rows = await work.db.execute<StoredRow>(sql`
    select distinct on (asked.place, own) asked.place::text as place, own, ${answers.responseName} as name,
      ${answers.requestHash} as hash, case when own then ${answers.payload} else '' end as payload, ${isKept} as kept
    from unnest(${columns(
      claims,
      ({ place }) => place.actor,
      ({ place }) => place.key,
      ({ place }) => place.responseName,
      ({ requestHashes }) => requestHashes.join(),
    )}) with ordinality as asked (actor, key, name, hashes, place)
    join ${answers} on ${answers.tenantId} = ${work.tenantId} and ${answers.actor} = asked.actor
      and ${answers.key} = asked.key
    cross join lateral (select ${answers.responseName} = asked.name
      or starts_with(${answers.responseName}, asked.name || '#') as own) as found
    where own or (${isKept} and ${answers.requestHash} <> all(string_to_array(asked.hashes, ',')))
    order by asked.place, own, ${answers.createdAt} desc`);
  const found = new Map<number, Stored>();
  for (const row of rows) {
    const place = Number(row.place) - 1;
    found.set(place, { ...found.get(place), [row.own ? 'own' : 'other']: row });
  }
  return found;
}

/** Asks for the lock of each claim's key, which ends with the transaction and with the process; it never waits. */
async function lock(work: Work, claims: readonly Claim[]): Promise<boolean[]> {
  const number = (claim: Claim): string =>
    String(createHash('sha256').update(keyName(claim)).digest().readBigInt64BE());
  const rows = await work.db.execute<{ locked: boolean }>(sql`
    select pg_try_advisory_xact_lock(number::bigint) as locked
    from unnest(${columns(claims, number)}) with ordinality as asked (number, place) order by place`);
  return [...rows].map(({ locked }) => locked);
}

/** A claim's answer, the name under which the one that is to come is stored, or why there is neither. */
export type Recalled =
  | { readonly payload: unknown }
  | { readonly storeAs: string }
  | { readonly refusal: Refusal };

function recalled(work: Work, claim: Claim, { own, other }: Stored, isHeld: boolean): Recalled {
  if (own?.kept === true) {
    if (!claim.requestHashes.includes(own.hash)) return { refusal: keyReused() };
    return { payload: JSON.parse(work.keys.decrypt(own.payload, bond(claim, own.name))) };
  }
  if (other !== undefined) return { refusal: keyReused() };
  if (!isHeld) return { refusal: keyInUse() };
  const { responseName } = claim.place;
  return { storeAs: own === undefined ? responseName : laterName(responseName, work.now) };
}

/**
 * Looks for the claims' answers; of those without one this transaction holds the lock and may act. Both are asked in one
 * round trip, the locks first: whoever gets one sees what its last holder committed. A transaction may take its own lock
 * twice: of two claims of one key the second counts as in use.
 */
export async function recallMany(work: Work, claims: readonly Claim[]): Promise<Recalled[]> {
  if (claims.length === 0) return [];
  const [locked, rows] = await Promise.all([lock(work, claims), newest(work, claims)]);
  const taken = new Set<string>();
  return claims.map((claim, index) => {
    const name = keyName(claim);
    const isHeld = locked[index] === true && !taken.has(name);
    taken.add(name);
    return recalled(work, claim, rows.get(index) ?? {}, isHeld);
  });
}

/** The same for one, whose refusal is thrown. */
export async function recall(
  work: Work,
  claim: Claim,
): Promise<Exclude<Recalled, { readonly refusal: Refusal }>> {
  const [found] = await recallMany(work, [claim]);
  if (found === undefined) throw new Error('a claim was left without an answer');
  if ('refusal' in found) throw found.refusal;
  return found;
}

/** An answer, to be stored in the transaction that made it. */
export interface NewAnswer {
  readonly claim: Claim;
  readonly storeAs: string;
  readonly payload: unknown;
}

const store = prepared<
  never,
  Readonly<Record<'tenant' | 'now' | 'actors' | 'keys' | 'names' | 'hashes' | 'payloads', string>>
>(sql`
  insert into ${answers} (tenant_id, actor, key, response_name, request_hash, payload, created_at)
  select ${sql.placeholder('tenant')}, actor, key, name, hash, payload, ${sql.placeholder('now')}::timestamptz
  from unnest(${sql.placeholder('actors')}::text[], ${sql.placeholder('keys')}::text[], ${sql.placeholder('names')}::text[],
    ${sql.placeholder('hashes')}::text[], ${sql.placeholder('payloads')}::text[]) as made (actor, key, name, hash, payload)`);

/** Stores what was answered, in the transaction of the act itself. It is sent at once. */
export async function rememberMany(work: Work, made: readonly NewAnswer[]): Promise<void> {
  if (made.length === 0) return;
  const texts = (of: (answer: NewAnswer) => string): string => arrayOf(made.map(of));
  const sealed = ({ claim, storeAs, payload }: NewAnswer): string =>
    work.keys.encrypt(JSON.stringify(payload ?? null), bond(claim, storeAs));
  await store(work.db, {
    tenant: work.tenantId,
    now: work.now,
    actors: texts(({ claim }) => claim.place.actor),
    keys: texts(({ claim }) => claim.place.key),
    names: texts(({ storeAs }) => storeAs),
    hashes: texts(({ claim }) => claim.requestHashes[0] ?? ''),
    payloads: texts(sealed),
  });
}
