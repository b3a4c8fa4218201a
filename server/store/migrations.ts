/** The schema's steps, in order. A step that was released is never changed: add the next one. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const STEPS: Record<string, string> = {
  '0001_start': `
    create table repos (
      id text primary key,
      name text not null,
      remote text,
      created_by text not null,
      created_at double precision not null
    );
    create table tasks (
      id text primary key,
      request_id text not null,
      created_by text not null,
      title text not null,
      mode text not null,
      repo_id text not null,
      repo text not null,
      environment text,
      model text,
      attempts integer not null,
      turns integer not null,
      state text not null,
      phase text,
      review text not null,
      archived boolean not null default false,
      patch text,
      error text,
      last_seq integer not null,
      created_at double precision not null,
      updated_at double precision not null,
      unique (created_by, request_id)
    );
    create index tasks_by_time on tasks (archived, created_at desc);
    create table turns (
      task_id text not null references tasks on delete cascade,
      turn integer not null,
      request_id text not null,
      mode text not null,
      prompt text not null,
      state text not null,
      generation integer not null,
      cancel_requested boolean not null default false,
      job_id text,
      answer text,
      error text,
      usage text,
      base_sha text,
      created_by text not null,
      created_at double precision not null,
      started_at double precision,
      finished_at double precision,
      primary key (task_id, turn),
      unique (task_id, request_id)
    );
    create index turns_open on turns (state) where finished_at is null;
    create table results (
      task_id text not null,
      turn integer not null,
      attempt integer not null,
      result_sha text not null,
      summary text not null,
      files text not null,
      created_at double precision not null,
      primary key (task_id, turn, attempt),
      foreign key (task_id, turn) references turns on delete cascade
    );
    create table chunks (
      sha256 text primary key,
      bytes bytea not null
    );
    create table result_chunks (
      task_id text not null,
      turn integer not null,
      attempt integer not null,
      position integer not null,
      sha256 text not null references chunks,
      primary key (task_id, turn, attempt, position),
      foreign key (task_id, turn, attempt) references results on delete cascade
    );
    create index result_chunks_by_hash on result_chunks (sha256);
    create table phases (
      task_id text not null,
      turn integer not null,
      phase text not null,
      started_at double precision not null,
      duration_ms double precision,
      outcome text,
      primary key (task_id, turn, phase),
      foreign key (task_id, turn) references turns on delete cascade
    );
    create table events (
      task_id text not null references tasks on delete cascade,
      seq integer not null,
      turn integer not null,
      attempt integer not null,
      at double precision not null,
      v integer not null,
      code text not null,
      params text not null,
      primary key (task_id, seq)
    );
    create table history (
      task_id text not null references tasks on delete cascade,
      attempt integer not null,
      position integer not null,
      turn integer not null,
      item text not null,
      created_at double precision not null,
      primary key (task_id, attempt, position)
    );`,
  '0002_environments': `
    create table environments (
      name text primary key,
      definition text not null,
      updated_at double precision not null,
      updated_by text not null
    );
    create table egress_log (
      id bigint generated always as identity primary key,
      task_id text not null references tasks on delete cascade,
      turn integer not null,
      attempt integer not null,
      at double precision not null,
      phase text not null,
      host text not null,
      port integer,
      method text not null,
      verdict text not null,
      reason text,
      address text,
      bytes_in double precision not null,
      bytes_out double precision not null,
      duration_ms double precision not null
    );
    create index egress_log_by_task on egress_log (task_id, id);
    create table egress_totals (
      task_id text primary key references tasks on delete cascade,
      stored integer not null,
      allowed double precision not null,
      denied double precision not null,
      failed double precision not null,
      bytes_in double precision not null,
      bytes_out double precision not null
    );`,
  '0003_environments_at_work': `
    create table secrets (
      environment text not null,
      name text not null,
      id text not null unique,
      version integer not null,
      kek_id text not null,
      wrapped_key text not null,
      sealed text not null,
      updated_at double precision not null,
      updated_by text not null,
      primary key (environment, name)
    );
    create table prepared (
      key text primary key,
      environment text not null,
      repo_id text not null,
      sha text not null,
      snapshot text not null,
      bytes double precision not null,
      setup_ms double precision not null,
      created_at double precision not null,
      used_at double precision not null,
      expires_at double precision not null
    );
    create index prepared_by_environment on prepared (environment);
    create table approved_scripts (
      repo_id text not null,
      hash text not null,
      approved_by text not null,
      approved_at double precision not null,
      primary key (repo_id, hash)
    );
    create table approvals (
      task_id text not null references tasks on delete cascade,
      id text not null,
      turn integer not null,
      attempt integer not null,
      kind text not null,
      subject text not null,
      answer text,
      answered_by text,
      answered_at double precision,
      created_at double precision not null,
      primary key (task_id, id)
    );
    alter table turns add column only_setup boolean not null default false;`,
  '0004_the_agent': `
    alter table tasks add column effort text;
    alter table tasks add column chosen_attempt integer;
    alter table turns add column model text;
    alter table turns add column effort text;
    alter table turns add column images text;
    alter table turns add column report text;
    alter table turns add column steerable boolean not null default true;
    create table attempts (
      task_id text not null references tasks on delete cascade,
      turn integer not null,
      attempt integer not null,
      state text not null,
      answer text,
      error text,
      usage text,
      report text,
      started_at double precision not null,
      finished_at double precision,
      primary key (task_id, turn, attempt)
    );
    create table steers (
      task_id text not null references tasks on delete cascade,
      request_id text not null,
      turn integer not null,
      position integer not null,
      text text not null,
      created_by text not null,
      created_at double precision not null,
      primary key (task_id, request_id)
    );
    create table blobs (
      sha256 text primary key,
      bytes bytea not null,
      created_by text not null,
      created_at double precision not null
    )`,
  '0005_phases_by_attempt': `
    alter table phases add column attempt integer not null default 1;
    alter table phases drop constraint phases_pkey;
    alter table phases add primary key (task_id, turn, attempt, phase)`,
  '0006_blobs_of_tasks': `
    alter table blobs drop column bytes;
    alter table blobs add column media_type text not null;
    alter table blobs add column length integer not null;
    create table blob_pieces (
      sha256 text not null references blobs on delete cascade,
      position integer not null,
      bytes bytea not null,
      primary key (sha256, position)
    );
    create table task_blobs (
      task_id text not null references tasks on delete cascade,
      sha256 text not null references blobs,
      primary key (task_id, sha256)
    );
    create index task_blobs_by_hash on task_blobs (sha256)`,
  '0007_attempts_done': `alter table tasks add column attempts_done integer`,
  '0008_forges': `
    create table forge_connections (
      host text primary key,
      kind text not null,
      how text not null,
      api_url text not null,
      account text,
      public text,
      version integer not null,
      kek_id text not null,
      wrapped_key text not null,
      sealed text not null,
      connected_by text not null,
      connected_at double precision not null
    );
    create table pull_requests (
      task_id text primary key references tasks on delete cascade,
      host text not null,
      kind text not null,
      repo text not null,
      made_by text not null,
      number integer,
      url text,
      title text not null,
      body text not null,
      draft boolean not null,
      branch text not null,
      base text not null,
      state text not null,
      turn integer not null,
      attempt integer not null,
      local_changes text not null,
      author text,
      pushed_sha text,
      pushed_line text,
      wanted_sha text,
      wanted_line text,
      seen text,
      seen_at double precision,
      error text,
      created_by text not null,
      created_at double precision not null,
      updated_by text not null,
      updated_at double precision not null
    );
    create index pull_requests_by_number on pull_requests (host, repo, number);
    create index pull_requests_open on pull_requests (state, seen_at);
    create table forge_triggers (
      host text not null,
      repo text not null,
      environment text,
      enabled_by text not null,
      enabled_at double precision not null,
      primary key (host, repo)
    );
    create table forge_deliveries (
      host text not null,
      id text not null,
      at double precision not null,
      primary key (host, id)
    );
    alter table tasks add column pull_request text;
    alter table tasks add column trigger text`,

  '0009_forge_wishes': `
    create table forge_wishes (
      host text not null,
      id text not null,
      told text not null,
      at double precision not null,
      primary key (host, id)
    )`,
};

export const MIGRATIONS: Record<string, Migration> = Object.fromEntries(
  Object.entries(STEPS).map(([name, text]) => [name, { up: (db) => runStatements(db, text) }]),
);

/** What all of them do: two with the same text make the same tables. */
export const MIGRATIONS_TEXT = JSON.stringify(STEPS);

/** One by one: an embedded database takes a single statement at a time. */
async function runStatements(db: Kysely<unknown>, text: string): Promise<void> {
  for (const statement of text.split(';')) {
    if (statement.trim() !== '') await sql.raw(statement).execute(db);
  }
}
