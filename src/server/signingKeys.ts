import { and, desc, eq, gt, lte, or, type SQL, sql } from 'drizzle-orm';
import {
  calculateJwkThumbprint,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  jwtVerify,
  SignJWT,
} from 'jose';
import { addDays, addMillis, type Instant, millis } from '../core/clock.js';
import { committed, type Db } from '../core/db.js';
import {
  carriedPurposes,
  type KeyPurpose,
  keyPurposes,
  SEALED_REQUEST,
  SIGNED_BY,
  type Sign,
  type SignedKind,
  signedTypes,
  type Verify,
} from '../core/tokenTypes.js';
import { type OfflineRequest, openRequest, requestKeyId } from '../sdk/offline/request.js';
import type { Machinery } from './operation/operation.js';
import { signingKeys } from './table.js';

/** How long a key signs, and how long before its end the next one is published. */
const FETCHED = { signsDays: 90, publishedAheadDays: 7 } as const;
/** The keys that came with an application verify what is signed in the year after, at least. */
const CARRIED = { signsDays: 1_095, publishedAheadDays: 365 } as const;
const lifeOf = (purpose: KeyPurpose) => (carriedPurposes.includes(purpose) ? CARRIED : FETCHED);
/** Whoever verifies works with the keys that it has for so long: a new key is published for longer before it signs. */
export const KEPT_SECONDS = 300;
/** What was signed on a key's last day may be looked at for longer than a year. */
const VERIFIES_DAYS = 400;
/** How long keys are worked with before they are read again: that one was retired is known by then. */
const READ_MILLIS = 1_000;
/** SHA-256 in base64url. */
const KID_CHARACTERS = 43;
/** One number for all servers, with the number of the kind. */
const SIGNING_LOCK = 7_461_203;

/** A key as people look at it: without either half. */
export interface KnownKey {
  readonly kid: string;
  readonly kind: string;
  readonly signsFrom: Instant;
  readonly signsUntil: Instant;
  readonly verifiesUntil: Instant;
}

type SigningKey = typeof signingKeys.$inferSelect;
type Parts = Pick<Machinery, 'pool' | 'keys' | 'clock'>;

/** One that somebody has written into the table opens with no keys: it does not speak for the others. */
const LATEST_KEYS = 20;

const bond = (kid: string): string => `signing_key:${kid}`;

/** Tokens are signed with Ed25519 (RFC 8037); requests are encrypted over P-256, which every browser has. */
function newPair(purpose: KeyPurpose) {
  if (purpose !== SEALED_REQUEST) return generateKeyPair('EdDSA', { extractable: true });
  return generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
}

/** A key pair for one purpose, named by its thumbprint (RFC 7638). */
async function newKey(
  { keys }: Parts,
  purpose: KeyPurpose,
  now: Instant,
  signsFrom: Instant,
): Promise<SigningKey> {
  const { publicKey, privateKey } = await newPair(purpose);
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const signsUntil = addDays(signsFrom, lifeOf(purpose).signsDays);
  const use = purpose === SEALED_REQUEST ? { alg: 'ECDH-ES', use: 'enc' } : { alg: 'EdDSA', use: 'sig' };
  return {
    kid,
    purpose,
    publicJwk: { ...publicJwk, kid, ...use },
    privateJwk: keys.encrypt(JSON.stringify(await exportJWK(privateKey)), bond(kid)),
    signsFrom,
    signsUntil,
    verifiesUntil: addDays(signsUntil, VERIFIES_DAYS),
    createdAt: now,
  };
}

/** Keys that sign or will sign, the newest first. */
function unfinished(db: Db, purpose: KeyPurpose, now: Instant): Promise<SigningKey[]> {
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
function nextBegins(keys: readonly SigningKey[], purpose: KeyPurpose, now: Instant): Instant | undefined {
  const [newest] = keys;
  if (newest === undefined || signerIn(keys, now) === undefined) return now;
  const { publishedAheadDays } = lifeOf(purpose);
  return addDays(newest.signsUntil, -publishedAheadDays) <= now ? newest.signsUntil : undefined;
}

/** Of all keys that verify, those of one purpose that sign or will, the newest first. */
function unfinishedIn(keys: readonly SigningKey[], purpose: KeyPurpose, now: Instant): SigningKey[] {
  return keys
    .filter((key) => key.purpose === purpose && key.signsUntil > now)
    .toSorted((one, other) => (one.signsFrom < other.signsFrom ? 1 : -1));
}

const current = (keys: readonly SigningKey[], now: Instant): readonly SigningKey[] =>
  keys.filter(({ signsUntil }) => signsUntil > now);

/** A trail is older than a key becomes: checkpoints verify on, unless their key was retired before its time. */
function stillVerifies(kind: SignedKind, now: Instant): SQL | undefined {
  const { signsUntil, verifiesUntil } = signingKeys;
  if (kind !== 'auditCheckpoint') return gt(verifiesUntil, now);
  const wasNeverRetired = sql`${verifiesUntil} >= ${signsUntil} + make_interval(days => ${VERIFIES_DAYS})`;
  return or(gt(verifiesUntil, now), wasNeverRetired);
}

interface Read {
  readonly keys: Promise<readonly SigningKey[]>;
  readonly at: number;
}

/**
 * What this deployment signs with, and opens requests with. Each purpose has a key of its own, made by whoever needs it first, and followed
 * by another before it ends; servers share them through the database, where the private half is encrypted.
 */
export class SigningKeys {
  readonly #read = new Map<KeyPurpose, Read>();
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

  /** Only our own type, algorithm, issuer and keys of that kind (RFC 8725, sections 3.1, 3.8 and 3.11). */
  readonly verify: Verify = async (kind, token) => {
    const options = {
      algorithms: ['EdDSA'],
      typ: signedTypes[kind],
      issuer: SIGNED_BY,
      requiredClaims: ['iat', 'exp'],
      currentDate: new Date(this.parts.clock()),
    };
    const keyOf = ({ kid }: JWTHeaderParameters) => this.#verifier(kind, kid ?? '');
    try {
      return (await jwtVerify(token, keyOf, options)).payload;
    } catch (error) {
      // Whatever is wrong with the token; an outage of the database is no answer to it.
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  };

  async #verifier(kind: SignedKind, kid: string): Promise<Awaited<ReturnType<typeof importJWK>>> {
    const now = this.parts.clock();
    const [row] = await this.parts.pool.db
      .select()
      .from(signingKeys)
      .where(and(eq(signingKeys.kid, kid), eq(signingKeys.purpose, kind), stillVerifies(kind, now)));
    if (row === undefined || !this.#isOwn(row)) throw new errors.JWKSNoMatchingKey();
    return importJWK(row.publicJwk, 'EdDSA');
  }

  /**
   * The trail is verified for those who do not trust the database: a key that somebody wrote into it has no private half that
   * our key ring opens.
   */
  #isOwn({ kid, purpose, publicJwk, privateJwk }: SigningKey): boolean {
    if (purpose !== 'auditCheckpoint') return true;
    try {
      return JSON.parse(this.parts.keys.decrypt(privateJwk, bond(kid))).x === publicJwk.x;
    } catch {
      return false;
    }
  }

  /**
   * What verifies now or will, and what requests are encrypted to, for the JWKS document. Who takes these keys along may
   * never come back for others: those for what is carried are made by now.
   */
  async publicKeys(): Promise<JWK[]> {
    const now = this.parts.clock();
    const known = await this.#verifying(now);
    const missing = carriedPurposes.filter(
      (purpose) => nextBegins(unfinishedIn(known, purpose, now), purpose, now) !== undefined,
    );
    for (const purpose of missing) await this.#known(purpose, now);
    const keys = missing.length === 0 ? known : await this.#verifying(now);
    return keys.map(({ publicJwk }) => publicJwk);
  }

  #verifying(now: Instant): Promise<SigningKey[]> {
    return this.parts.pool.db
      .select()
      .from(signingKeys)
      .where(gt(signingKeys.verifiesUntil, now))
      .orderBy(signingKeys.createdAt, signingKeys.kid);
  }

  /** What the request of a device asks that cannot connect. Undefined if it is none, or for no key of ours. */
  async openRequest(input: string): Promise<OfflineRequest | undefined> {
    const sealed = requestKeyId(input);
    if (sealed === undefined) return undefined;
    const ours = and(
      eq(signingKeys.kid, sealed.kid.slice(0, KID_CHARACTERS)),
      eq(signingKeys.purpose, SEALED_REQUEST),
      gt(signingKeys.verifiesUntil, this.parts.clock()),
    );
    const [key] = await this.parts.pool.db.select().from(signingKeys).where(ours);
    if (key === undefined || key.kid !== sealed.kid) return undefined;
    return openRequest(sealed.code, JSON.parse(this.parts.keys.decrypt(key.privateJwk, bond(key.kid))));
  }

  /** Whether the key ring opens any of the latest private halves; true where there is none yet. */
  async areOurs(): Promise<boolean> {
    const latest = await this.parts.pool.db
      .select({ kid: signingKeys.kid, privateJwk: signingKeys.privateJwk })
      .from(signingKeys)
      .orderBy(desc(signingKeys.createdAt))
      .limit(LATEST_KEYS);
    return latest.length === 0 || latest.some((key) => this.#opens(key));
  }

  #opens({ kid, privateJwk }: Pick<SigningKey, 'kid' | 'privateJwk'>): boolean {
    try {
      return this.parts.keys.decrypt(privateJwk, bond(kid)).length > 0;
    } catch {
      return false;
    }
  }

  /** Every key that there is, also those that are over: by kind, the newest first. */
  list(): Promise<KnownKey[]> {
    const { kid, purpose, signsFrom, signsUntil, verifiesUntil } = signingKeys;
    return this.parts.pool.db
      .select({ kid, kind: purpose, signsFrom, signsUntil, verifiesUntil })
      .from(signingKeys)
      .orderBy(purpose, desc(signsFrom), kid);
  }

  /** Has another key sign as soon as verifiers know it, and the present one end then. */
  async rotate(kind: KeyPurpose): Promise<string> {
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
  async #known(kind: KeyPurpose, now: Instant): Promise<readonly SigningKey[]> {
    const last = this.#read.get(kind);
    const keys = await last?.keys.catch(() => undefined);
    const isFresh = last !== undefined && performance.now() - last.at < READ_MILLIS;
    if (isFresh && keys !== undefined && nextBegins(current(keys, now), kind, now) === undefined)
      return current(keys, now);
    if (last !== this.#read.get(kind)) return this.#known(kind, now);
    const reading = this.#load(kind, now);
    this.#read.set(kind, { keys: reading, at: performance.now() });
    return reading;
  }

  /** Makes the key that is missing, unless another server has: it is looked for again behind the lock. */
  async #load(kind: KeyPurpose, now: Instant): Promise<readonly SigningKey[]> {
    const known = await unfinished(this.parts.pool.db, kind, now);
    if (nextBegins(known, kind, now) === undefined) return known;
    return this.#underLock(kind, async (db) => {
      const again = await unfinished(db, kind, now);
      const begins = nextBegins(again, kind, now);
      return begins === undefined ? again : [await this.#insert(db, kind, begins), ...again];
    });
  }

  async #insert(db: Db, kind: KeyPurpose, begins: Instant): Promise<SigningKey> {
    const key = await newKey(this.parts, kind, this.parts.clock(), begins);
    await db.insert(signingKeys).values(key);
    return key;
  }

  async #underLock<Result>(kind: KeyPurpose, run: (db: Db) => Promise<Result>): Promise<Result> {
    // Whoever signs may hold a connection of those that requests wait for.
    const session = await this.parts.pool.beginApart();
    return committed(session, async () => {
      const number = keyPurposes.indexOf(kind);
      await session.db.execute(sql`select pg_advisory_xact_lock(${SIGNING_LOCK}::int, ${number}::int)`);
      return await run(session.db);
    });
  }
}
