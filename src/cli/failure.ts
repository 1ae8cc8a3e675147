import { ApiError, isApiError } from '../api/status.ts';
import { KubeconfigError } from '../client/kubeconfig.ts';
import { CommandError } from '../cluster/command.ts';
import { LauncherError } from '../cluster/launcher-error.ts';
import { BrokenPkiError } from '../cluster/pki-error.ts';
import { ApplyError, ManifestError, UnknownKindError, WaitError } from '../delivery/apply/errors.ts';
import { ChartError } from '../delivery/charts/chart/chart.ts';
import { ReleaseError } from '../delivery/charts/release/release.ts';
import { InvalidYamlError, RenderError } from '../delivery/charts/render/render-error.ts';
import { ValuesError } from '../delivery/charts/values/values-error.ts';
import { KustomizeError } from '../delivery/kustomize/kustomize-error.ts';
import { ShipError } from '../delivery/pipeline/ship-error.ts';
import { CliError, OperationError } from './errors.ts';

/**
 * What to print about a failed command, and how to exit. Unforeseen errors show their stack: they are bugs. It begins
 * with `error`, as kubectl's; Helm's begin with `Error`.
 */
export function describeFailure(error: unknown, prefix = 'error'): { lines: string[]; exitCode: number } {
  const {
    message,
    hint,
    exitCode = 1,
  } = explain(error) ?? {
    message: stackOf(error),
    hint: 'This is a bug in timonel.',
    exitCode: bugExitCode,
  };
  return { lines: [`${prefix}: ${message}`, ...(hint ? [hint] : [])], exitCode };
}

function stackOf(error: unknown): string {
  if (error instanceof OperationError) return `${error.operation}: ${stackOf(error.cause)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** EX_SOFTWARE of sysexits.h. */
const bugExitCode = 70;

interface Explanation {
  message: string;
  hint?: string | undefined;
  exitCode?: number;
}

function explain(error: unknown): Explanation | undefined {
  if (error instanceof CliError) return error;
  if (error instanceof OperationError) {
    const cause = explain(error.cause);
    return cause && { ...cause, message: `${error.operation}: ${cause.message}` };
  }
  if (error instanceof KustomizeError) return { message: error.message };
  if (error instanceof ShipError) return { message: [error.message, ...error.details].join('\n'), hint: error.hint };
  if (error instanceof LauncherError) return { message: error.message, hint: error.hint };
  if (error instanceof ApiError) return { message: `the server says: ${error.message}` };
  if (error instanceof KubeconfigError) {
    return { message: error.message, hint: error.hint ?? 'Name a kubeconfig with --kubeconfig or $KUBECONFIG.' };
  }
  if (error instanceof WaitError) return { message: [error.message, ...error.explanation].join('\n') };
  if (error instanceof ApplyError && isFieldConflict(error.cause)) {
    return { message: error.message, hint: 'Take over what others own: the same command with --force-conflicts.' };
  }
  if (error instanceof ManifestError || error instanceof ApplyError || error instanceof UnknownKindError) {
    return { message: error.message };
  }
  if (error instanceof ReleaseError) {
    const { cause } = error;
    return {
      message: error.message,
      hint: error.hint ?? (cause instanceof WaitError ? cause.explanation.join('\n') : ''),
    };
  }
  if (error instanceof InvalidYamlError) {
    return { message: error.message, hint: error.isShown ? '' : '\nUse --debug flag to render out invalid YAML' };
  }
  if (error instanceof RenderError) return { message: error.message, hint: error.excerpt };
  if (error instanceof ChartError || error instanceof ValuesError) return { message: error.message };
  if (error instanceof BrokenPkiError) {
    return {
      message: error.message,
      hint: 'Restore the pki directory from a backup, or delete the cluster and start anew: timonel delete',
    };
  }
  // Before the others: a full disk looks the same whoever meets it.
  const cause = systemCause(error);
  if (cause) return cause;
  if (error instanceof CommandError) return { message: error.message, hint: 'What the host lacks: timonel doctor' };
  return undefined;
}

/** Server-side apply met a field that somebody else owns. */
function isFieldConflict(error: unknown): boolean {
  return isApiError(error, 'Conflict') && Boolean(error.status.details?.causes?.some(isConflict));
}

function isConflict({ reason }: { reason?: string }): boolean {
  return reason === 'FieldManagerConflict';
}

function systemCause(error: unknown): Explanation | undefined {
  if (!(error instanceof Error)) return undefined;
  const code =
    (error as NodeJS.ErrnoException).code ?? (/no space left on device/i.test(error.message) ? 'ENOSPC' : '');
  const known = systemErrors[code];
  return known && { message: `${known.what} (${error.message})`, hint: known.hint };
}

const withRoot = 'Run it as root, for example with sudo.';
const noServer = 'Is the cluster running? timonel status shows it, timonel up starts it.';

const systemErrors: Record<string, { what: string; hint: string }> = {
  ENOSPC: { what: 'the disk is full', hint: 'Free some space and try again.' },
  EDQUOT: { what: 'the disk quota is used up', hint: 'Free some space and try again.' },
  EACCES: { what: 'permission denied', hint: withRoot },
  EPERM: { what: 'permission denied', hint: withRoot },
  EROFS: { what: 'the file system is read-only', hint: 'Name another directory with TIMONEL_ROOT.' },
  EMFILE: { what: 'too many open files', hint: 'Raise the limit: ulimit -n 65536' },
  ENOTDIR: { what: 'a part of the path is not a directory', hint: 'Remove it, or name another directory.' },
  ECONNREFUSED: { what: 'the API server does not answer', hint: noServer },
  ECONNRESET: { what: 'the API server ended the connection', hint: noServer },
  EHOSTUNREACH: { what: 'the API server cannot be reached', hint: noServer },
  ENETUNREACH: { what: 'the API server cannot be reached', hint: noServer },
  ETIMEDOUT: { what: 'the API server does not answer', hint: noServer },
  ENOTFOUND: { what: 'the API server is not known by that name', hint: 'Look at the server in the kubeconfig.' },
  EADDRNOTAVAIL: {
    what: "an address of the cluster's network is not on this machine",
    hint: 'A cluster with containers is started by: timonel up',
  },
};
