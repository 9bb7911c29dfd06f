import { type DocumentNode, type ExecutionResult, execute } from 'graphql';
import type { OperationDocument } from '../../sdk/directive/needs.js';
import { executionOptions } from '../limits/document.js';
import { Operation } from '../operation/operation.js';

/** What of a request decides which of its document's operations runs. */
export interface Asked extends Pick<OperationDocument, 'schema' | 'variables'> {
  readonly document: DocumentNode;
  readonly operationName: string | null | undefined;
}

/**
 * An operation over HTTP. Two may handle it, one after the other: what the first has done the second is told, and nothing
 * is done twice. Plain members, because Apollo copies the context value.
 */
export class HttpOperation extends Operation {
  private beginning: Promise<void> | undefined;
  private executing: Promise<ExecutionResult> | undefined;

  override begin(asked: OperationDocument): Promise<void> {
    this.beginning ??= super.begin(asked);
    return this.beginning;
  }

  execute({ schema, document, operationName, variables }: Asked): Promise<ExecutionResult> {
    this.executing ??= this.run({ schema, document, operationName, variables });
    return this.executing;
  }

  private async run({ schema, document, operationName, variables }: Asked): Promise<ExecutionResult> {
    return execute({
      schema,
      document,
      operationName: operationName ?? null,
      variableValues: variables,
      contextValue: this,
      options: executionOptions,
    });
  }
}
