import type { GraphQLScalarType } from 'graphql';
import { Args, type ClassType, Ctx, Extensions, FieldResolver, Root } from 'type-graphql';
import type { Page, PageArguments } from '../core/page.js';
import { Authorized } from './authorized.js';
import { CheckedArguments } from './checked.js';
import { PageArgs, pageChecks } from './connection.js';
import type { Context } from './context.js';
import type { Batch } from './load.js';

export interface EdgeOptions {
  readonly permission: string;
  readonly description: string;
  readonly nullable?: boolean;
  /** Where there is nothing, null is the answer for everybody; otherwise the permission is asked first. */
  readonly answersAbsence?: boolean;
}

type KeyOf<Row> = (row: Row) => string | null;
type ResolverClass = new () => object;

function define(
  resolverClass: ResolverClass,
  name: string,
  type: () => ClassType<object> | GraphQLScalarType,
  options: EdgeOptions,
  resolve: (...values: never[]) => Promise<unknown>,
): object {
  const prototype: object = resolverClass.prototype;
  const descriptor = { value: resolve, configurable: true, enumerable: false, writable: true };
  Object.defineProperty(prototype, name, descriptor);
  const shape = { nullable: options.nullable ?? false, description: options.description };
  FieldResolver(type, shape)(prototype, name, descriptor);
  Authorized(options.permission)(prototype, name, descriptor);
  Root()(prototype, name, 0);
  Ctx()(prototype, name, 1);
  return prototype;
}

/**
 * Declares an edge of the graph on a `@Resolver(() => Source)` class: the batch function that finds the targets and
 * the key under which a source names its own. It is data: nothing but the loader runs.
 */
export function Edge<Row, Value>(
  name: string,
  type: () => ClassType<object> | GraphQLScalarType,
  batch: Batch<Value>,
  key: KeyOf<Row>,
  options: EdgeOptions,
) {
  return (resolverClass: ResolverClass): void => {
    const prototype = define(resolverClass, name, type, options, async (row: Row, ctx: Context) => {
      const found = key(row);
      return found === null ? null : ctx.load(batch, found);
    });
    const leadsNowhere = (row: Row): boolean => key(row) === null;
    if (options.answersAbsence === true) Extensions({ leadsNowhere })(prototype, name, { value: undefined });
  };
}

/** Declares an edge to a list: a page for every source, all in one statement. */
export function ListEdge<Row, Value>(
  name: string,
  type: () => ClassType<object>,
  batch: Batch<Page<Value>, PageArguments>,
  key: KeyOf<Row>,
  options: EdgeOptions,
) {
  return (resolverClass: ResolverClass): void => {
    const prototype = define(resolverClass, name, type, options, (row: Row, ctx: Context, page: PageArgs) =>
      ctx.load(batch, key(row) ?? '', { first: page.first, after: page.after }),
    );
    Args(() => PageArgs)(prototype, name, 2);
    CheckedArguments(pageChecks)(prototype, name, { value: undefined });
  };
}
