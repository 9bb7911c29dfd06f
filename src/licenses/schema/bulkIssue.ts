import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { listOf, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { BulkIssueId } from '../../core/id.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime } from '../../graph/scalars.js';
import {
  type BulkIssueMode,
  type BulkIssueResultStatus,
  type BulkIssueStatus,
  ISSUED_AT_ONCE,
  LONGEST_CSV,
  MOST_LICENSES,
  REFUSED_SHOWN,
} from '../model/bulkIssue.js';

const MOST_ROWS_GIVEN = 1_000;

export const BulkIssueStatusEnum = enumOf<BulkIssueStatus>(
  'BulkIssueStatus',
  'How far a list of licenses is.',
  {
    RUNNING: 'Its licenses are made behind the act; the results tell which are.',
    FINISHED: 'Every row is issued or refused.',
    FAILED:
      'Making its licenses failed time and again, and stopped. What was issued stays; `retryBulkIssue` goes on with the rest.',
  },
);

export const BulkIssueModeEnum = enumOf<BulkIssueMode>(
  'BulkIssueMode',
  'What becomes of a list in which a row is refused.',
  {
    ROW_BY_ROW: 'The other rows are issued.',
    ALL_OR_NOTHING: 'Nothing is issued.',
  },
);

export const BulkIssueResultStatusEnum = enumOf<BulkIssueResultStatus>(
  'BulkIssueResultStatus',
  'What became of a license that a list asked for.',
  {
    ISSUED: 'It was made.',
    REFUSED: 'It was not made; code, message and column say why.',
    WAITING: 'It is made behind the act.',
    ISSUABLE: 'It would be made: of a dry run, and of a list of which nothing was issued.',
  },
);

@InputType({
  description:
    'One row of a list: a customer, a template, to whom and how many. Of several names of one thing that are given, the first counts.',
})
export class BulkIssueRow {
  @Field(() => String, { nullable: true, description: "The customer's id." })
  declare readonly customerId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The customer's number in the vendor's other systems.",
  })
  declare readonly externalId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The customer's mail address, in any case, where no other customer has it.",
  })
  declare readonly email?: string | null;

  @Field(() => String, { nullable: true, description: "The template's id." })
  declare readonly templateId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The template's name, where no other template on sale has it.",
  })
  declare readonly templateName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "To whom it is issued; the customer's name if left out.",
  })
  declare readonly issuedTo?: string | null;

  @Field(() => Int, { nullable: true, description: 'How many licenses; one if left out.' })
  declare readonly quantity?: number | null;
}

@InputType({ description: 'A list of licenses to be issued: as CSV, or as rows.' })
export class BulkIssueLicensesInput {
  @Checked(text(1, LONGEST_CSV))
  @Field(() => String, {
    nullable: true,
    description:
      'CSV with a header: customerId, externalId or email; templateId or templateName; issuedTo, quantity. Commas, semicolons or tabs; quotes as in RFC 4180; at most 10,000 rows. Cells are data, whatever they begin with. More than a request may hold, up to 4 MB, comes as a file: `POST /bulk-issues`.',
  })
  declare readonly csv?: string | null;

  @Checked(listOf(MOST_ROWS_GIVEN))
  @Field(() => [BulkIssueRow], {
    nullable: true,
    description: `The rows, instead of CSV: at most ${MOST_ROWS_GIVEN} of them.`,
  })
  declare readonly rows?: readonly BulkIssueRow[] | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'The template of all rows that name none.' })
  declare readonly templateId?: string | null;

  @Field(() => BulkIssueModeEnum, {
    defaultValue: 'ROW_BY_ROW',
    description: 'What becomes of the list if a row is refused.',
  })
  declare readonly mode: BulkIssueMode;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Only to be told what would become of each row.',
  })
  declare readonly dryRun: boolean;
}

@ObjectType({ description: 'A list of licenses that was asked for at once.', simpleResolvers: true })
export class BulkIssue {
  @Field(() => ID, { description: "The list's id." })
  declare readonly id: string;

  @Field(() => BulkIssueStatusEnum, { description: 'How far it is.' })
  declare readonly status: BulkIssueStatus;

  @Field(() => BulkIssueModeEnum, { description: 'What becomes of it if a row is refused.' })
  declare readonly mode: BulkIssueMode;

  @Field(() => String, { description: 'Who asked for it.' })
  declare readonly requestedBy: string;

  @Field(() => Int, { description: 'How many rows it has.' })
  declare readonly rowCount: number;

  @Field(() => Int, { description: 'How many of its licenses are made by now.' })
  declare readonly issuedCount: number;

  @Field(() => Int, { description: 'How many of its rows are refused by now.' })
  declare readonly refusedCount: number;

  @Field(() => String, {
    nullable: true,
    description:
      'The code on which making its licenses failed last, until it goes on: INTERNAL_SERVER_ERROR where it is the server that failed.',
  })
  declare readonly failure: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When its last license was made.' })
  declare readonly finishedAt: Instant | null;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When it came further last.' })
  declare readonly updatedAt: Instant;
}

export const { Connection: BulkIssueConnection, ConnectionResolver: BulkIssueConnectionResolver } =
  connectionOf(() => BulkIssue, 'BulkIssue', 'lists of licenses that were asked for at once');

@ObjectType({
  description: 'What became of one license that a list asked for, or of a row of it that was refused.',
  simpleResolvers: true,
})
export class BulkIssueResult {
  @Field(() => Int, {
    description: 'The row, counted from 1 without the header; of several licenses each has it.',
  })
  declare readonly row: number;

  @Field(() => BulkIssueResultStatusEnum, { description: 'What became of it.' })
  declare readonly status: BulkIssueResultStatus;

  @Field(() => String, { nullable: true, description: 'The code of the refusal.' })
  declare readonly code: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was refused.' })
  declare readonly message: string | null;

  @Field(() => String, { nullable: true, description: 'The column that it was refused for.' })
  declare readonly column: string | null;

  @Field(() => ID, { nullable: true, description: 'The license that was made.' })
  declare readonly licenseId: string | null;
}

@ObjectType({ description: 'The same, as the act that made the license shows it.', simpleResolvers: true })
export class IssuedResult extends BulkIssueResult {
  @Field(() => String, {
    nullable: true,
    description:
      'The full key of a license that was made in the act. It is shown now and by `revealLicenseKey` only, as are the keys of those that are made behind it.',
  })
  declare readonly licenseKey: string | null;
}

export const {
  Connection: BulkIssueResultConnection,
  ConnectionResolver: BulkIssueResultConnectionResolver,
} = connectionOf(() => BulkIssueResult, 'BulkIssueResult', 'what became of a list');

@ObjectType({ description: 'The answer of `bulkIssueLicenses`.', simpleResolvers: true })
export class BulkIssueLicensesPayload {
  @Field(() => BulkIssue, {
    nullable: true,
    description: `The list, as it is kept; null where nothing was issued. One of more than ${ISSUED_AT_ONCE} licenses, up to ${MOST_LICENSES}, is RUNNING.`,
  })
  declare readonly bulkIssue: BulkIssue | null;

  @Field(() => Int, {
    description: 'How many licenses its rows ask for that are not refused: they are made, or would be.',
  })
  declare readonly licenseCount: number;

  @Field(() => Int, { description: 'How many of its rows are refused.' })
  declare readonly refusedCount: number;

  @Field(() => [IssuedResult], {
    description: `What became of the rows, in their order: the first ${REFUSED_SHOWN} that are refused, and of a list of at most ${ISSUED_AT_ONCE} licenses each of these. \`bulkIssue\` keeps the results of all rows.`,
  })
  declare readonly results: readonly IssuedResult[];
}

@InputType({ description: 'A list whose licenses could not be made.' })
export class RetryBulkIssueInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The list: one that FAILED. One that is RUNNING is answered as it is.' })
  declare readonly bulkIssueId: BulkIssueId;
}

@ObjectType({ description: 'The answer of `retryBulkIssue`.', simpleResolvers: true })
export class RetryBulkIssuePayload {
  @Field(() => BulkIssue, { description: 'The list, which goes on behind the act.' })
  declare readonly bulkIssue: BulkIssue;
}
