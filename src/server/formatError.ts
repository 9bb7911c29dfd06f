import { unwrapResolverError } from '@apollo/server/errors';
import type { GraphQLFormattedError } from 'graphql';
import { GraphQLError } from 'graphql';
import { Refusal, type RefusalCode, refusalCodes } from '../core/refusal.js';

function isListed(code: unknown): code is RefusalCode {
  return typeof code === 'string' && Object.hasOwn(refusalCodes, code);
}

/** Whether an error is nobody's answer but our own defect, to be logged and masked. */
export function isInternal(error: unknown): boolean {
  const original = unwrapResolverError(error);
  if (original instanceof Refusal) return false;
  const code = original instanceof GraphQLError ? original.extensions.code : undefined;
  const graphqls = original instanceof GraphQLError && original.originalError === undefined;
  return !(graphqls && isListed(code) && code !== 'INTERNAL_SERVER_ERROR');
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
    return { message: formatted.message, ...where, extensions: { code: formatted.extensions?.code } };
  }
  const requestId = formatted.extensions?.requestId;
  const extensions = { code: 'INTERNAL_SERVER_ERROR', ...(requestId === undefined ? {} : { requestId }) };
  return { message: 'Something went wrong on our side.', ...where, extensions };
}
