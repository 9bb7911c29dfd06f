import { createSchema } from '../../src/server/schema.js';
import type { Asked } from './fieldCases.js';
import { asksApart, cases, namesNothing } from './rootFields.js';
import type { World } from './world.js';

/** The names of all root fields that HTTP asks, from the schema itself; streams are asked over sockets. */
export function rootFields(): string[] {
  const schema = createSchema();
  const roots = [schema.getQueryType(), schema.getMutationType()];
  return roots.flatMap((type) => Object.keys(type?.getFields() ?? {})).toSorted();
}

/** One operation on each root field, that names something of `there`. */
export function oneOfEach(there: World, here: World): ReadonlyMap<string, Asked> {
  const naming = Object.entries(cases).map(([field, [first]]): [string, Asked] => [
    field,
    first === undefined ? { query: '' } : first[1](there, here),
  ]);
  return new Map([...Object.entries(namesNothing), ...Object.entries(asksApart), ...naming]);
}
