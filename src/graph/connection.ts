import {
  ArgsType,
  type ClassType,
  Ctx,
  Field,
  FieldResolver,
  Int,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { integer, text } from '../core/check.js';
import { CURSOR_LIMIT, PAGE_LIMIT, type Page } from '../core/page.js';
import type { Context } from './context.js';

@ObjectType({ description: 'Where a page of a list ends, and whether there is more.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether more entries follow this page.' })
  declare readonly hasNextPage: boolean;

  @Field(() => Boolean, {
    description: 'Whether the page was asked for with a cursor, so that entries precede it.',
  })
  declare readonly hasPreviousPage: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first entry of the page.' })
  declare readonly startCursor: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the last entry: `after` of the next page.',
  })
  declare readonly endCursor: string | null;
}

@ArgsType()
export class PageArgs {
  @Field(() => Int, { defaultValue: 20, description: `How many entries to answer, 1 to ${PAGE_LIMIT}.` })
  declare readonly first: number;

  @Field(() => String, {
    nullable: true,
    description: 'Answer what follows this cursor; the sort must be the same.',
  })
  declare readonly after?: string;
}

/** Runs on every field that takes `first` and `after`. */
export const pageChecks = { first: integer(1, PAGE_LIMIT), after: text(1, CURSOR_LIMIT) } as const;

/**
 * Makes the Relay connection of a type: `LicenseConnection` with `edges`, `nodes`, `pageInfo` and `totalCount`.
 * A resolver answers a Page; nothing is counted unless `totalCount` is asked for.
 */
export function connectionOf<Node extends object>(node: () => ClassType<Node>, name: string, plural: string) {
  @ObjectType(`${name}Edge`, { description: `An entry of a list of ${plural}.`, simpleResolvers: true })
  class NodeEdge {
    @Field(() => String, { description: 'The cursor of this entry.' })
    declare readonly cursor: string;

    @Field(node, { description: `The entry itself.` })
    declare readonly node: Node;
  }

  @ObjectType(`${name}Connection`, { description: `A page of a list of ${plural}.` })
  class Connection {}

  @Resolver(() => Connection)
  class ConnectionResolver {
    @FieldResolver(() => [NodeEdge], { description: 'The entries with their cursors.' })
    edges(@Root() page: Page<Node>): { cursor: string; node: Node }[] {
      return page.rows.map((row, index) => ({ cursor: page.cursors[index] ?? '', node: row }));
    }

    @FieldResolver(() => [node()], { description: 'The entries without their cursors.' })
    nodes(@Root() page: Page<Node>): readonly Node[] {
      return page.rows;
    }

    @FieldResolver(() => PageInfo, { description: 'Where the page ends.' })
    pageInfo(@Root() page: Page<Node>): PageInfo {
      return {
        hasNextPage: page.hasNextPage,
        hasPreviousPage: page.hasPreviousPage,
        startCursor: page.cursors[0] ?? null,
        endCursor: page.cursors.at(-1) ?? null,
      };
    }

    @FieldResolver(() => Int, {
      description:
        'How many entries the whole list has, counted only when asked for, and only up to 100,000.',
    })
    totalCount(@Root() page: Page<Node>, @Ctx() _ctx: Context): Promise<number> {
      return page.count();
    }
  }

  return { Connection, ConnectionResolver };
}
