import { createHmac, randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import { DEVELOPMENT_ISSUER } from '../../src/access/tokens.js';
import { millis } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { signedTypes } from '../../src/core/tokenTypes.js';
import type { TestServer } from './server.js';
import type { World } from './world.js';

const DAY = 86_400;
const header = { alg: 'EdDSA', typ: 'JWT', kid: 'development' };
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** JSON as somebody wrote it, members that stand twice among it. */
const raw = (text: string): string => Buffer.from(text).toString('base64url');

/** An Authorization header, or claims, that have to be refused, and with which code. */
export type Forgery<Made> = readonly [code: RefusalCode, make: () => Made];

/** Bearer tokens of a development server: as they should be, and as they should not. */
export class Bearers {
  constructor(
    private readonly server: TestServer,
    private readonly world: World,
  ) {}

  get now(): number {
    return millis(this.server.now) / 1000;
  }

  claims(): JWTPayload {
    return {
      iss: DEVELOPMENT_ISSUER,
      aud: 'licensegraph',
      sub: 'ada',
      tenant_id: this.world.admin.tenant_id,
      roles: ['admin'],
      iat: this.now,
      exp: this.now + 3600,
    };
  }

  /** The server's own key signs whatever it is given: what is wrong is in the claims or the header alone. */
  async signed(change: object = {}, head: object = {}): Promise<string> {
    const key = await importJWK({ ...this.server.keys.tokenKey }, 'EdDSA');
    const protectedHeader = { ...header, ...head };
    return new SignJWT({ ...this.claims(), ...change }).setProtectedHeader(protectedHeader).sign(key);
  }

  private publicKey(): string {
    return String(this.server.tokens.publicKeys.keys[0]?.x);
  }

  private hmac(secret: string | Buffer, alg = 'HS256', hash = 'sha256'): string {
    const text = `${part({ ...header, alg })}.${part(this.claims())}`;
    return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
  }

  private async byStranger(head: object): Promise<string> {
    const { privateKey } = await generateKeyPair('EdDSA');
    return new SignJWT(this.claims()).setProtectedHeader({ ...header, ...head }).sign(privateKey);
  }

  /** A stranger's key that comes along in the header, or the address of one. */
  private async bringingItsKey(member: 'jwk' | 'jku' | 'x5u'): Promise<string> {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const head = { ...header, [member]: member === 'jwk' ? jwk : 'https://evil.example/jwks.json' };
    return new SignJWT(this.claims()).setProtectedHeader(head).sign(privateKey);
  }

  private async parts(): Promise<[string, string, string]> {
    const [head = '', payload = '', signature = ''] = (await this.signed()).split('.');
    return [head, payload, signature];
  }

  private unsigned(head: object | null, claims: unknown = this.claims()): string {
    return `Bearer ${part(head)}.${part(claims)}.c2ln`;
  }

  /** Headers that are no bearer token of ours, whatever they claim. */
  headers(): Readonly<Record<string, Forgery<Promise<string> | string>>> {
    const bad = (make: () => Promise<string> | string): Forgery<Promise<string> | string> => [
      'TOKEN_INVALID',
      make,
    ];
    const bearer = (make: () => Promise<string> | string) => bad(async () => `Bearer ${await make()}`);
    return {
      'an empty header': bad(() => ''),
      'a scheme without a token': bad(() => 'Bearer'),
      'a scheme and a space': bad(() => 'Bearer '),
      'another scheme': bad(() => 'Basic YWRhOnNlY3JldA=='),
      'a scheme that begins like ours': bad(async () => `BearerX ${await this.signed()}`),
      'a token without a scheme': bad(() => this.signed()),
      'two tokens': bearer(async () => `${await this.signed()} ${await this.signed()}`),
      'a list of schemes': bearer(async () => `${await this.signed()}, Basic YWRhOg==`),
      'a word': bearer(() => 'abc'),
      'two parts': bearer(() => 'a.b'),
      'four parts': bearer(async () => `${await this.signed()}.c2ln`),
      'three empty parts': bearer(() => '..'),
      'parts that are no base64': bearer(() => '!!!.???.***'),
      'a header that is no JSON': bearer(() => 'YWJj.YWJj.YWJj'),
      'a header that is a list': bad(() => this.unsigned([])),
      'a header that is null': bad(() => this.unsigned(null)),
      'five parts, as an encrypted token': bearer(() => `${part({ alg: 'dir', enc: 'A256GCM' })}....`),
      'a payload that is a list': bad(() => this.unsigned(header, [])),
      'a payload that is null': bad(() => this.unsigned(header, null)),
      'a payload that is text': bad(() => this.unsigned(header, 'admin')),
      'no signature': bearer(async () => (await this.parts()).slice(0, 2).concat('').join('.')),
      'half a signature': bearer(async () => (await this.signed()).slice(0, -43)),
      'a signature of zeros': bearer(async () => {
        const [head, payload] = await this.parts();
        return `${head}.${payload}.${Buffer.alloc(64).toString('base64url')}`;
      }),
      'a signature of chance': bearer(async () => {
        const [head, payload] = await this.parts();
        return `${head}.${payload}.${randomBytes(64).toString('base64url')}`;
      }),
      'a changed payload': bearer(async () => {
        const [head, , signature] = await this.parts();
        return `${head}.${part({ ...this.claims(), sub: 'mallory' })}.${signature}`;
      }),
      'a changed header': bearer(async () => {
        const [, payload, signature] = await this.parts();
        return `${part({ ...header, kid: 'development', x: 1 })}.${payload}.${signature}`;
      }),
      'claims that stand twice': bearer(async () => {
        const [head, , signature] = await this.parts();
        const claims = JSON.stringify(this.claims()).replace('{', '{"sub":"mallory",');
        return `${head}.${raw(claims)}.${signature}`;
      }),
      'the signature of another token': bearer(async () => {
        const [head, payload] = await this.parts();
        const [, , other] = (await this.signed({ sub: 'grace' })).split('.');
        return `${head}.${payload}.${other}`;
      }),
      'alg none': bearer(() => `${part({ ...header, alg: 'none' })}.${part(this.claims())}.`),
      'alg None': bearer(() => `${part({ ...header, alg: 'None' })}.${part(this.claims())}.`),
      'alg none with a signature': bad(() => this.unsigned({ ...header, alg: 'none' })),
      'no alg': bad(() => this.unsigned({ typ: 'JWT' })),
      'alg that is a list': bad(() => this.unsigned({ ...header, alg: ['EdDSA'] })),
      'alg that is null': bad(() => this.unsigned({ ...header, alg: null })),
      'alg in other letters': bad(() => this.unsigned({ ...header, alg: 'eddsa' })),
      'an algorithm of encryption': bad(() => this.unsigned({ ...header, alg: 'RSA-OAEP' })),
      'RS256 with our key id': bad(() => this.unsigned({ ...header, alg: 'RS256' })),
      'HS256 under the public key': bearer(() => this.hmac(this.publicKey())),
      "HS256 under the public key's bytes": bearer(() =>
        this.hmac(Buffer.from(this.publicKey(), 'base64url')),
      ),
      'HS256 under the published document': bearer(() =>
        this.hmac(JSON.stringify(this.server.tokens.publicKeys)),
      ),
      'HS256 under the empty secret': bearer(() => this.hmac('')),
      'HS512 under the public key': bearer(() => this.hmac(this.publicKey(), 'HS512', 'sha512')),
      'a stranger who uses our key id': bearer(() => this.byStranger({})),
      'a stranger who uses no key id': bearer(() => this.byStranger({ kid: undefined })),
      'a key id that nobody has': bearer(() => this.byStranger({ kid: 'other' })),
      'a key id that is a path': bearer(() => this.byStranger({ kid: '../../../../dev/null' })),
      'a key id with SQL in it': bearer(() => this.byStranger({ kid: "x' union select 'secret'--" })),
      'a key id that is a list': bad(() => this.unsigned({ ...header, kid: ['development'] })),
      'a key that it brings along': bearer(() => this.bringingItsKey('jwk')),
      'keys at an address that it names': bearer(() => this.bringingItsKey('jku')),
      'a certificate at an address that it names': bearer(() => this.bringingItsKey('x5u')),
      'a critical extension that nobody knows': bad(() => this.unsigned({ ...header, crit: ['x'], x: 1 })),
      'a signed critical extension': bearer(() => this.signed({}, { crit: ['b64'], b64: true })),
      'an empty list of critical extensions': bad(() => this.unsigned({ ...header, crit: [] })),
      'a payload that is not encoded': bad(() => this.unsigned({ ...header, crit: ['b64'], b64: false })),
      'the type of an identity token': bearer(() => this.signed({}, { typ: 'id+jwt' })),
      'the type of a logout token': bearer(() => this.signed({}, { typ: 'logout+jwt' })),
      'the type of a proof of possession': bearer(() => this.signed({}, { typ: 'dpop+jwt' })),
      'a type that is empty': bearer(() => this.signed({}, { typ: '' })),
      'a type that is a number': bad(() => this.unsigned({ ...header, typ: 7 })),
      'a type that is a list': bad(() => this.unsigned({ ...header, typ: ['JWT'] })),
      'a token of 20,000 characters': bearer(() => `${part(header)}.${'a'.repeat(20_000)}.c2ln`),
      ...Object.fromEntries(
        Object.values(signedTypes).map((typ) => [
          `the type ${typ}, which we sign ourselves`,
          bearer(() => this.signed({}, { typ })),
        ]),
      ),
    };
  }

  /** Claims that a token of ours could carry if its issuer went wrong. */
  wrongClaims(): Readonly<Record<string, Forgery<object>>> {
    const { now } = this;
    const { tenant_id } = this.world.admin;
    const { customerId, resellerId } = this.world;
    const claim = (change: object): Forgery<object> => ['TOKEN_CLAIM_INVALID', () => change];
    const as = (code: RefusalCode, change: object): Forgery<object> => [code, () => change];
    return {
      'no subject': claim({ sub: undefined }),
      'an empty subject': claim({ sub: '' }),
      'a subject that is a number': claim({ sub: 7 }),
      'a subject of 256 characters': claim({ sub: 'x'.repeat(256) }),
      'a subject with a NUL': claim({ sub: 'ada\0' }),
      'a subject with half a surrogate pair': claim({ sub: 'ada\ud800' }),
      'the subject of an API key': claim({ sub: 'api_key:019a0000-0000-7000-8000-000000000000' }),
      'the subject of an application': claim({ sub: `license:${this.world.licenseId}` }),
      'no issuer': as('TOKEN_ISSUER_UNKNOWN', { iss: undefined }),
      'another issuer': as('TOKEN_ISSUER_UNKNOWN', { iss: 'https://evil.example' }),
      'an issuer in other letters': as('TOKEN_ISSUER_UNKNOWN', { iss: DEVELOPMENT_ISSUER.toUpperCase() }),
      'an issuer with a slash behind it': as('TOKEN_ISSUER_UNKNOWN', { iss: `${DEVELOPMENT_ISSUER}/` }),
      'an issuer that every object has': as('TOKEN_ISSUER_UNKNOWN', { iss: '__proto__' }),
      'a list of issuers': as('TOKEN_ISSUER_UNKNOWN', { iss: [DEVELOPMENT_ISSUER] }),
      'no audience': as('TOKEN_AUDIENCE_MISMATCH', { aud: undefined }),
      'another audience': as('TOKEN_AUDIENCE_MISMATCH', { aud: 'licensegraph2' }),
      'an audience in other letters': as('TOKEN_AUDIENCE_MISMATCH', { aud: 'LicenseGraph' }),
      'an audience that is null': as('TOKEN_AUDIENCE_MISMATCH', { aud: null }),
      'several audiences, none of them ours': as('TOKEN_AUDIENCE_MISMATCH', { aud: ['a', 'b'] }),
      'no expiry': claim({ exp: undefined }),
      'an expiry an hour ago': as('TOKEN_EXPIRED', { iat: now - 7200, exp: now - 3600 }),
      'an expiry 31 seconds ago': as('TOKEN_EXPIRED', { iat: now - 60, exp: now - 31 }),
      'an expiry that is text': claim({ exp: String(now + 3600) }),
      'an expiry before the beginning': as('TOKEN_EXPIRED', { exp: -1 }),
      'an absurd expiry': claim({ exp: 1e300 }),
      'a life of 91 days': claim({ exp: now + 91 * DAY }),
      'no issue date': claim({ iat: undefined }),
      'an issue date an hour ahead': as('TOKEN_NOT_YET_VALID', { iat: now + 3600, exp: now + 7200 }),
      'an issue date 91 days ago': as('TOKEN_EXPIRED', { iat: now - 91 * DAY, exp: now + 60 }),
      'an issue date that is text': claim({ iat: String(now) }),
      'an issue date before the beginning': as('TOKEN_EXPIRED', { iat: -1e300 }),
      'a beginning an hour ahead': as('TOKEN_NOT_YET_VALID', { nbf: now + 3600 }),
      'a beginning that is text': claim({ nbf: 'now' }),
      'no tenant': claim({ tenant_id: undefined }),
      'a tenant that is null': claim({ tenant_id: null }),
      'a tenant that is a list': claim({ tenant_id: [tenant_id] }),
      'a tenant that is an object': claim({ tenant_id: { id: tenant_id } }),
      'a tenant that is a number': claim({ tenant_id: 1 }),
      'a tenant that is everybody': claim({ tenant_id: '*' }),
      'a tenant that is empty': claim({ tenant_id: '' }),
      'a tenant that is nobody': as('TENANT_NOT_FOUND', { tenant_id: 'no-such-tenant' }),
      'a tenant in other letters': claim({ tenant_id: tenant_id.toUpperCase() }),
      'a tenant that is too long': claim({ tenant_id: 'a'.repeat(51) }),
      'a tenant with SQL in it': claim({ tenant_id: "x'; reset role; --" }),
      'a tenant with a line break': claim({ tenant_id: `${tenant_id}\n` }),
      'a customer that is no UUID': claim({ customer_id: 'C-1001' }),
      'a customer that is empty': claim({ customer_id: '' }),
      'a customer that is null': claim({ customer_id: null }),
      'a customer in capital letters': claim({ customer_id: customerId.toUpperCase() }),
      'a list of customers': claim({ customer_id: [customerId] }),
      'a reseller that is no UUID': claim({ reseller_id: '*' }),
      'the role of a customer without one': claim({ roles: ['customer'] }),
      'the role of a reseller without one': claim({ roles: ['admin', 'reseller'] }),
      'roles that are text': claim({ roles: 'admin' }),
      'roles that are an object': claim({ roles: { admin: true } }),
      'roles that are no text': claim({ roles: [['admin']] }),
      'more roles than there can be': claim({ roles: Array(201).fill('admin') }),
      'permissions that are text': claim({ permissions: '*' }),
      'permissions that are null': claim({ permissions: null }),
      'an operator of one customer': claim({ roles: ['operator'], customer_id: customerId }),
      'an operator of one reseller': claim({ roles: ['operator'], reseller_id: resellerId }),
      'the permission of an operator for a customer': claim({
        permissions: ['tenant.list'],
        customer_id: customerId,
      }),
      'a kind that only the server is': claim({ kind: 'system' }),
      'a kind that only an application is': claim({ kind: 'application' }),
    };
  }
}
