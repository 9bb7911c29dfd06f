import type { Actor } from '../../core/actor.js';
import { needsOf, type OperationDocument, type PathNeed, variablesFit } from '../../sdk/directive/needs.js';
import { isFixed, oncePerDocument } from '../limits/fixed.js';
import { mayRun } from './rootActs.js';

type ByPermissions = WeakMap<Actor['permissions'], readonly PathNeed[]>;

const plans = oncePerDocument((): ByPermissions => new WeakMap());

/**
 * What an operation needs: by a document whose variables decide nothing once for all who hold the same permissions, which
 * one token's calls do. Variables that do not fit need nothing.
 */
export function needsFor(asked: OperationDocument, actor: Actor): readonly PathNeed[] {
  if (!isFixed(asked) || actor.kind === 'system') return needsOf(asked, mayRun(actor));
  const known = plans(asked);
  const before = known.get(actor.permissions);
  if (before !== undefined && (before.length === 0 || variablesFit(asked))) return before;
  const needs = needsOf(asked, mayRun(actor));
  if (variablesFit(asked)) known.set(actor.permissions, needs);
  return needs;
}
