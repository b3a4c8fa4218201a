/**
 * What differs from one operating system to another in a local sandbox: how it is confined and started,
 * found again and ended, reached, and what it uses. The driver does the rest, the same everywhere.
 */
import type { Socket } from 'node:net';
import type { LimitValues } from '../../../protocol/limits.ts';
import type { Places } from '../../../protocol/places.ts';
import type { SandboxHealth } from '../sandbox.ts';

/** The first process of a sandbox, named for good: an id alone comes again. */
export interface LocalProcess {
  pid: number;
  /** As the system tells it: clock ticks since boot, or ms since 1970. */
  startedAt: string;
}

/** On the machine's own loopback, where a sandbox has none of its own. */
export interface Ports {
  origin: number;
  egress: number;
}

/** The folders that a sandbox keeps, by their names, and where each stands for what runs inside. */
export interface KeptFolders {
  workspace: string;
  home: string;
  tmp: string;
}

export interface ToLaunch {
  dataDir: string;
  /** The sandbox's own folder. */
  dir: string;
  limits: LimitValues;
  /** A folder in the workspace. */
  readOnly?: string;
  /** Where the platform has `choosePorts`. */
  ports?: Ports;
}

export interface Used {
  pid: number;
  parent: number;
  threads: number;
  /** With pages that it shares with others. */
  residentBytes: number;
  /** Of any scale, growing. */
  startedAt: number;
}

/** What a sandbox uses, seen from outside. */
export interface Usage {
  /** The first process and all that belong to it, but not more than that: what forks all the time would never end. */
  below(first: LocalProcess, most: number): Promise<Used[]>;
  /** Of them, the commands: neither the first process nor the runner. */
  commands(first: LocalProcess, used: Used[]): Used[];
  /** Its own memory and its share of what several have. */
  proportionalBytes(one: Used): number;
  /** How often the kernel ended one of them for a memory limit. */
  memoryKills(first: LocalProcess): number;
  /** What its folders hold on disk. */
  diskBytes(dir: string): Promise<number>;
}

export interface Platform {
  check(): Promise<SandboxHealth>;
  /** Ports that nobody has; those of before where they are free. */
  choosePorts?(before: Ports | undefined): Promise<Ports>;
  /** Only after a check that went well. `known` hears of the first process as soon as there is one. */
  launch(of: ToLaunch, known: (process: LocalProcess) => void): Promise<LocalProcess>;
  isAlive(process: LocalProcess): Promise<boolean>;
  /**
   * With everything that it started; returns when it is dead. `dir` is the sandbox's folder. False where
   * nobody can tell: its runner ended before the rest, and no kernel keeps together what it left.
   */
  end(process: LocalProcess, dir: string): Promise<boolean>;
  connect(runDir: string): Promise<Socket>;
  /** Undefined: the usual places and home. */
  placesOf(dir: string, ports: Ports | undefined, dataDir: string): Promise<Where | undefined>;
  keptFolders(dir: string): KeptFolders;
  /** Copies `from`'s kept folders into `to`, sharing blocks where the file system can. */
  copyFolders(from: string, to: string): Promise<void>;
  /** Changes with what is installed. */
  identity(): Promise<string>;
  /** Of this run of the machine. */
  bootId(): string;
  /** Brings what is below a path to the disk: a program and its arguments. */
  syncCommand(path: string): readonly [string, ...string[]];
  usage: Usage;
}

export interface Where {
  places: Places;
  home: string;
}
