import type { JSONWebKeySet } from 'jose';
import { localKeys, remoteKeys, sharedSecret } from '../../access/tokens/issuerKeys.js';
import {
  DEVELOPMENT_ISSUER,
  type TokenRules,
  type TokenSigner,
  tokenSigner,
  tokenVerifier,
  type VerifyToken,
} from '../../access/tokens.js';
import type { Clock } from '../../core/clock.js';
import type { Config } from '../../core/config.js';
import type { IssuerSettings } from '../../core/issuers.js';
import type { Keys } from '../../core/keys.js';
import type { Log } from '../../core/log.js';
import { StartupError } from '../../core/startupError.js';

export interface Tokens {
  readonly verify: VerifyToken;
  readonly publicKeys: JSONWebKeySet;
  /** Only a development server without an issuer of its own signs tokens. */
  readonly signer: TokenSigner | undefined;
}

type Keyed = Pick<IssuerSettings, 'issuer' | 'jwksUrl' | 'jwks'>;

function keysOf({ issuer, jwksUrl, jwks }: Keyed, log: Log | undefined): TokenRules['keys'] | undefined {
  if (jwks !== undefined) return localKeys(jwks);
  if (jwksUrl === undefined) return undefined;
  const failed = (error: unknown): void =>
    log?.warn({ err: error, issuer }, 'the keys of an issuer are away');
  return remoteKeys(jwksUrl, failed);
}

/** The one issuer of the short form: it speaks for every tenant, and makes the operators. */
function singleIssuer(config: Config, log: Log | undefined): TokenRules | undefined {
  const { LG_AUTH_ISSUER: issuer, LG_AUTH_HS256_SECRET: secret, LG_AUTH_AUDIENCE: audience } = config;
  if (issuer === undefined) return undefined;
  const rules = { issuer, audience, operators: true, tenants: undefined };
  if (secret !== undefined) return { ...rules, algorithms: ['HS256'], keys: sharedSecret(secret) };
  const { LG_AUTH_JWKS_URL: jwksUrl, LG_AUTH_JWKS: jwks } = config;
  const keys = keysOf({ issuer, jwksUrl, jwks }, log);
  return keys === undefined ? undefined : { ...rules, algorithms: config.LG_AUTH_ALGORITHMS, keys };
}

function issuersOf(config: Config, log: Log | undefined): TokenRules[] {
  const single = singleIssuer(config, log);
  const several = (config.LG_AUTH_ISSUERS ?? []).flatMap((settings): TokenRules[] => {
    const { issuer, operators, tenants } = settings;
    const { audience = config.LG_AUTH_AUDIENCE, algorithms = config.LG_AUTH_ALGORITHMS } = settings;
    const keys = keysOf(settings, log);
    return keys === undefined ? [] : [{ issuer, audience, algorithms, keys, operators, tenants }];
  });
  return single === undefined ? several : [single];
}

/** Whose tokens are taken: the issuers that are set or, in development without any, the server itself. */
export async function openTokens(config: Config, keys: Keys, clock: Clock, log?: Log): Promise<Tokens> {
  const issuers = issuersOf(config, log);
  if (issuers.length > 0)
    return { verify: tokenVerifier(issuers, clock), publicKeys: { keys: [] }, signer: undefined };
  if (keys.tokenKey === undefined)
    throw new StartupError('LG_AUTH_JWKS_URL: is required when keys are not generated');
  const signer = await tokenSigner(keys.tokenKey, config.LG_AUTH_AUDIENCE);
  const own: TokenRules = {
    issuer: DEVELOPMENT_ISSUER,
    audience: config.LG_AUTH_AUDIENCE,
    algorithms: ['EdDSA'],
    keys: localKeys(signer.publicKeys),
    operators: true,
    tenants: undefined,
  };
  return { verify: tokenVerifier([own], clock), publicKeys: signer.publicKeys, signer };
}
