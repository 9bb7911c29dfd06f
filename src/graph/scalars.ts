import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';
import { GraphQLJSONObject } from 'graphql-scalars';
import { type Instant, parseInstant } from '../core/clock.js';
import { type Amount, parseAmount, plainAmount } from '../core/money.js';

function readInstant(value: unknown): Instant {
  const read = typeof value === 'string' ? parseInstant(value) : undefined;
  if (read === undefined) {
    throw new GraphQLError(
      'must be an ISO 8601 date-time with a zone between 1970 and 9000, as 2026-10-16T12:00:00Z',
    );
  }
  return read;
}

export const DateTime = new GraphQLScalarType<Instant, string>({
  name: 'DateTime',
  description:
    'A point in time as ISO 8601 in UTC with milliseconds, `2026-10-16T12:00:00.000Z`. Any zone is taken.',
  specifiedByURL: 'https://datatracker.ietf.org/doc/html/rfc3339',
  serialize: (value) => String(value),
  parseValue: readInstant,
  parseLiteral: (node) => readInstant(node.kind === Kind.STRING ? node.value : undefined),
});

function readAmount(value: unknown): Amount {
  const read = typeof value === 'string' || typeof value === 'number' ? parseAmount(value) : undefined;
  if (read === undefined)
    throw new GraphQLError('must be a decimal with at most 15 digits before and 4 behind the point');
  return read;
}

export const DecimalAmount = new GraphQLScalarType<Amount, string>({
  name: 'Decimal',
  description: 'An exact decimal number as text, `299.99`: money and percentages. Numbers are taken as well.',
  serialize: (value) => plainAmount(String(value)),
  parseValue: readAmount,
  parseLiteral: (node) =>
    readAmount(
      node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT
        ? node.value
        : undefined,
    ),
});

/**
 * A literal in a document becomes objects without a prototype, which drizzle cannot take for values: they are copied
 * into plain ones.
 */
export const JsonObject = new GraphQLScalarType({
  ...GraphQLJSONObject.toConfig(),
  parseLiteral: (node, variables) =>
    GraphQLJSONObject.parseValue(structuredClone(valueFromASTUntyped(node, variables))),
});
