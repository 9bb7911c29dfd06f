import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text, varchar } from 'drizzle-orm/pg-core';
import { customers, resellers, tenants } from '../../access/table.js';
import { idColumn, instantColumn, madeAndChanged, oneOf, tenantColumn } from '../../core/columns.js';
import { licenseTemplates } from '../../templates/table.js';
import {
  bulkIssueColumns,
  bulkIssueModes,
  bulkIssueStatuses,
  bulkIssueResults as resultStatuses,
} from '../model/bulkIssue.js';
import { licenses } from '../table.js';

/** Lists of licenses that were asked for at once. */
export const bulkIssues = pgTable(
  'bulk_issues',
  {
    tenantId: tenantColumn(),
    id: idColumn<'BulkIssue'>().notNull(),
    status: varchar('status', { length: 20, enum: bulkIssueStatuses }).notNull(),
    mode: varchar('mode', { length: 20, enum: bulkIssueModes }).notNull(),
    requestedBy: varchar('requested_by', { length: 255 }).notNull(),
    /** Of a reseller's caller: the list may name its customers alone, also by the time that licenses are made. */
    resellerId: idColumn<'Reseller'>('reseller_id'),
    rowCount: integer('row_count').notNull(),
    issuedCount: integer('issued_count').notNull().default(0),
    refusedCount: integer('refused_count').notNull().default(0),
    finishedAt: instantColumn('finished_at'),
    /** How many of its parts failed one after the other, and the code of the last; none once one is done. */
    failures: integer('failures').notNull().default(0),
    failure: varchar('failure', { length: 50 }),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'bulk_issues_tenant' }),
    foreignKey({
      columns: [table.tenantId, table.resellerId],
      foreignColumns: [resellers.tenantId, resellers.id],
      name: 'bulk_issues_reseller',
    }),
    index('ix_bulk_issues_tenant_created').on(table.tenantId, table.createdAt, table.id),
    index('ix_bulk_issues_running').on(table.updatedAt).where(sql`status = 'RUNNING'`),
    oneOf('bulk_issues_status', table.status, bulkIssueStatuses),
    oneOf('bulk_issues_mode', table.mode, bulkIssueModes),
    check('bulk_issues_finished', sql`(${table.status} = 'FINISHED') = (${table.finishedAt} is not null)`),
  ],
);

/** What became of each license of a list, or of each row of it that was refused; by their ids they stand in its order. */
export const bulkIssueResults = pgTable(
  'bulk_issue_results',
  {
    tenantId: tenantColumn(),
    id: idColumn<'BulkIssueResult'>().notNull(),
    bulkIssueId: idColumn<'BulkIssue'>('bulk_issue_id').notNull(),
    /** Counted from 1, without the header. */
    row: integer('row_number').notNull(),
    status: varchar('status', { length: 20, enum: resultStatuses }).notNull(),
    /** What is to be made; forgotten once it is, because the license says it. */
    customerId: idColumn<'Customer'>('customer_id'),
    templateId: idColumn<'Template'>('template_id'),
    issuedTo: varchar('issued_to', { length: 255 }),
    licenseId: idColumn<'License'>('license_id'),
    code: varchar('code', { length: 50 }),
    message: text('message'),
    column: varchar('column_name', { length: 20, enum: bulkIssueColumns }),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.bulkIssueId],
      foreignColumns: [bulkIssues.tenantId, bulkIssues.id],
      name: 'bulk_issue_results_bulk_issue',
    }),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'bulk_issue_results_customer',
    }),
    foreignKey({
      columns: [table.tenantId, table.templateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'bulk_issue_results_template',
    }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'bulk_issue_results_license',
    }),
    index('ix_bulk_issue_results_bulk_issue').on(table.tenantId, table.bulkIssueId, table.id),
    index('ix_bulk_issue_results_waiting')
      .on(table.tenantId, table.bulkIssueId, table.id)
      .where(sql`status = 'WAITING'`),
    oneOf('bulk_issue_results_status', table.status, resultStatuses),
    check(
      'bulk_issue_results_outcome',
      sql`(${table.status} = 'ISSUED') = (${table.licenseId} is not null) and (${table.status} = 'REFUSED') = (${table.code} is not null)`,
    ),
  ],
);

export type BulkIssue = typeof bulkIssues.$inferSelect;
export type BulkIssueResult = typeof bulkIssueResults.$inferSelect;
