import { unwrapResolverError } from '@apollo/server/errors';
import type { GraphQLFormattedError } from 'graphql';
import { GraphQLError, isValueNode } from 'graphql';
import { Refusal, type RefusalCode, refusalCodes } from '../core/refusal.js';

/** All that the caller learns of a defect of ours. */
export const MASKED = 'Something went wrong on our side.';

/** What HTTP itself refuses, by its status; Apollo has one code for all of it. */
const statusCodes: Readonly<Record<number, RefusalCode>> = {
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  431: 'HEADERS_TOO_LARGE',
};

export function codeOfStatus(status: unknown): RefusalCode {
  return (typeof status === 'number' ? statusCodes[status] : undefined) ?? 'BAD_REQUEST';
}

function isListed(code: unknown): code is RefusalCode {
  return typeof code === 'string' && Object.hasOwn(refusalCodes, code);
}

/** What GraphQL itself says of a request: Apollo keeps the error that it found inside the one that it answers. */
function saysGraphql(error: unknown): error is GraphQLError {
  const inner = error instanceof GraphQLError ? error.originalError : error;
  return error instanceof GraphQLError && (inner === undefined || inner instanceof GraphQLError);
}

/**
 * Some of GraphQL's own refusals come without a code: a variable that is null where none may stand is found at run
 * time only and points at its place in the document; what is wrong with a persisted query belongs to no field at all.
 */
function codeless(found: GraphQLError, error: GraphQLError): RefusalCode | undefined {
  const [node] = found.nodes ?? [];
  if (node !== undefined) return isValueNode(node) ? 'BAD_USER_INPUT' : undefined;
  return error.path === undefined ? 'BAD_REQUEST' : undefined;
}

function statusIn(http: unknown): unknown {
  return typeof http === 'object' && http !== null && 'status' in http ? http.status : undefined;
}

/** A refusal, thrown by a resolver, or at the door with what HTTP is told of it. */
export function refusalIn(error: unknown): Refusal | undefined {
  const inner = error instanceof GraphQLError ? error.originalError : error;
  // Drizzle wraps whatever ends a statement, what has ended its operation among it.
  const cause = inner instanceof Error && inner.cause instanceof Refusal ? inner.cause : inner;
  return cause instanceof Refusal ? cause : undefined;
}

/** RFC 6750, section 3: who sent nothing is told of nothing; a quoted string holds plain ASCII without quotes. */
function challenge({ code, message }: Refusal): string {
  if (code === 'UNAUTHENTICATED') return 'Bearer';
  if (code === 'APPLICATION_UNKNOWN') return 'License, Activation';
  const description = message.replace(/[^\x20-\x7e]|["\\]/g, '?');
  return `Bearer error="invalid_token", error_description="${description}"`;
}

/** What HTTP itself is told of a refusal beside its status. */
export function headersOf(refusal: Refusal, status: number): Map<string, string> {
  const { retryAfterSeconds } = refusal.details;
  const headers = new Map<string, string>();
  if (status === 401) headers.set('www-authenticate', challenge(refusal));
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds));
  return headers;
}

/** A refusal of a whole request carries its HTTP status itself, and when it is over. Any other error stays as it is. */
export function asDoorError(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error;
  const [status] = refusalCodes[error.code];
  const http = { status, headers: headersOf(error, status) };
  return new GraphQLError(error.message, { originalError: error, extensions: { http } });
}

function codeOf(error: unknown): RefusalCode | undefined {
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refusal.code;
  const original = unwrapResolverError(error);
  if (!(error instanceof GraphQLError) || !saysGraphql(original)) return undefined;
  const { code, http } = original.extensions;
  if (code === undefined) return codeless(original, error);
  if (code === 'BAD_REQUEST') return codeOfStatus(statusIn(http));
  return isListed(code) && code !== 'INTERNAL_SERVER_ERROR' ? code : undefined;
}

/** Whether an error is nobody's answer but our own defect, to be logged and masked. */
export function isInternal(error: unknown): boolean {
  return codeOf(error) === undefined;
}

/**
 * GraphQL prints the value that does not fit, which may be a license key, or a whole input with one inside. What is
 * left names the variable, the place and the type.
 */
function withoutValues(message: string, error: unknown): string {
  const detail = saysGraphql(error) ? (error.originalError?.message ?? '') : '';
  const end = `; ${detail}`;
  const before = message.endsWith(end) ? message.slice(0, -end.length) : '';
  const [, variable, place = ''] =
    /^(Variable "\$\w+") got invalid value .*?( at "[^"]*")?$/s.exec(before) ?? [];
  const named = variable === undefined ? message : `${variable} got an invalid value${place}; ${detail}`;
  return named
    .replace(/ value: .*$/s, ' value.')
    .replace(/^(Argument "\w+") has invalid value .*$/s, '$1 has an invalid value.')
    .replace(/(Expected value of type "[^"]*"), found .*$/s, '$1.')
    .replace(/(found|Unexpected) (String|BlockString|Int|Float|Comment) ".*$/s, '$1 $2.');
}

/** GraphQL guesses which of our names the caller has meant, and so tells them to who may not ask. */
export function withoutSuggestion(formatted: GraphQLFormattedError): GraphQLFormattedError {
  return { ...formatted, message: formatted.message.replace(/ ?Did you mean .+\?$/s, '') };
}

/** Gives every error one of the listed codes; what is not a refusal and not the caller's fault says nothing of itself. */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const original = unwrapResolverError(error);
  const where = {
    ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
    ...(formatted.path === undefined ? {} : { path: formatted.path }),
  };
  const refusal = refusalIn(error);
  if (refusal !== undefined) {
    return { message: refusal.message, ...where, extensions: { code: refusal.code, ...refusal.details } };
  }
  const code = codeOf(error);
  if (code !== undefined) {
    return { message: withoutValues(formatted.message, original), ...where, extensions: { code } };
  }
  const requestId = formatted.extensions?.requestId;
  const extensions = { code: 'INTERNAL_SERVER_ERROR', ...(requestId === undefined ? {} : { requestId }) };
  return { message: MASKED, ...where, extensions };
}
