import { unwrapResolverError } from '@apollo/server/errors';
import type { GraphQLFormattedError } from 'graphql';
import { GraphQLError } from 'graphql';
import { Refusal, type RefusalCode, refusalCodes } from '../core/refusal.js';

function isListed(code: unknown): code is RefusalCode {
  return typeof code === 'string' && Object.hasOwn(refusalCodes, code);
}

/** What GraphQL itself says of a request: Apollo keeps the error that it found inside the one that it answers. */
function saysGraphql(error: unknown): error is GraphQLError {
  const inner = error instanceof GraphQLError ? error.originalError : error;
  return error instanceof GraphQLError && (inner === undefined || inner instanceof GraphQLError);
}

/** Whether an error is nobody's answer but our own defect, to be logged and masked. */
export function isInternal(error: unknown): boolean {
  const original = unwrapResolverError(error);
  if (original instanceof Refusal) return false;
  const code = saysGraphql(original) ? original.extensions.code : undefined;
  return !(isListed(code) && code !== 'INTERNAL_SERVER_ERROR');
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
    .replace(/(Expected value of type "[^"]*"), found .*$/s, '$1.')
    .replace(/(found|Unexpected) (String|BlockString|Int|Float|Comment) ".*$/s, '$1 $2.');
}

/** Gives every error one of the listed codes; what is not a refusal and not the caller's fault says nothing of itself. */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const original = unwrapResolverError(error);
  const where = {
    ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
    ...(formatted.path === undefined ? {} : { path: formatted.path }),
  };
  if (original instanceof Refusal) {
    return { message: original.message, ...where, extensions: { code: original.code, ...original.details } };
  }
  if (!isInternal(error)) {
    const message = withoutValues(formatted.message, original);
    return { message, ...where, extensions: { code: formatted.extensions?.code } };
  }
  const requestId = formatted.extensions?.requestId;
  const extensions = { code: 'INTERNAL_SERVER_ERROR', ...(requestId === undefined ? {} : { requestId }) };
  return { message: 'Something went wrong on our side.', ...where, extensions };
}
