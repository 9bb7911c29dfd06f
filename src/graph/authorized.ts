import { Extensions } from 'type-graphql';

/** The permission that everybody has, callers without a token included. */
export const ANYONE = 'anyone';

/**
 * States the permission that a field asks for. The server checks it before the resolver, and refuses to start
 * when a root field states none or one that access/permissions.ts does not list.
 */
export function Authorized(permission: string): MethodDecorator & PropertyDecorator {
  return Extensions({ permission }) as MethodDecorator & PropertyDecorator;
}
