import type { AgentContext } from './agent-context.ts';
import { terminationFile } from './container-mounts.ts';
import { observation, type ObservedPod } from './pod-observation.ts';
import { RuntimeError, type ContainerStatusInfo, type SandboxStatus } from './runtime.ts';

/** Upstream's limits: bytes of a termination message, bytes and lines when it is taken from the log. */
const maxMessage = 4096;
const maxLogMessage = 2048;
const maxLogLines = 80;

/** What the runtime has of one pod, kept current one object at a time: an event costs one question to the runtime. */
export class RuntimeView {
  private readonly context: AgentContext;
  private readonly podDirectory: string;
  private readonly sandboxes = new Map<string, SandboxStatus>();
  private readonly containers = new Map<string, ContainerStatusInfo>();
  private readonly sandboxOf = new Map<string, string>();
  private current: ObservedPod | undefined;

  constructor(
    context: AgentContext,
    podDirectory: string,
    found: { sandboxes: readonly SandboxStatus[]; containers: readonly ContainerStatusInfo[] },
  ) {
    this.context = context;
    this.podDirectory = podDirectory;
    this.replace(found.sandboxes, found.containers);
  }

  observed(): ObservedPod {
    return (this.current ??= observation(this.sandboxes.values(), this.containers.values()));
  }

  replace(sandboxes: readonly SandboxStatus[], containers: readonly ContainerStatusInfo[]): void {
    const messages = new Map([...this.containers.values()].map((container) => [container.id, container.message]));
    this.sandboxes.clear();
    this.containers.clear();
    for (const sandbox of sandboxes) this.sandboxes.set(sandbox.id, sandbox);
    for (const container of containers) {
      this.sandboxOf.set(container.id, container.sandboxId);
      this.containers.set(container.id, {
        ...container,
        message: container.message || (messages.get(container.id) ?? ''),
      });
    }
    this.current = undefined;
  }

  /** A container was made in this sandbox: CRI's container status does not tell which it is in. */
  made(containerId: string, sandboxId: string): void {
    this.sandboxOf.set(containerId, sandboxId);
  }

  forget(id: string): void {
    this.sandboxes.delete(id);
    this.sandboxOf.delete(id);
    this.containers.delete(id);
    this.current = undefined;
  }

  /** The sandbox is being taken away: whatever it becomes, the pod's last status is about what was in it. */
  goingDown(sandboxId: string): void {
    const status = this.sandboxes.get(sandboxId);
    if (status) this.sandboxes.set(sandboxId, { ...status, state: 'notReady' });
    this.current = undefined;
  }

  /**
   * Asks the runtime about one container or sandbox; `kind` for one that is not known yet. What it has no more is
   * forgotten, unless it was seen to end.
   */
  async refresh(id: string, kind?: 'sandbox' | 'container'): Promise<void> {
    try {
      if (kind === 'sandbox' || this.sandboxes.has(id)) {
        const status = await this.context.runtime.podSandboxStatus(id);
        // A sandbox that is down does not come back, whatever an older answer says.
        if (this.sandboxes.get(id)?.state !== 'notReady') this.sandboxes.set(id, status);
      } else if (kind === 'container' || this.containers.has(id)) {
        const found = await this.context.runtime.containerStatus(id);
        const sandboxId = found.sandboxId || (this.sandboxOf.get(id) ?? '');
        const status = await this.withMessage({ ...found, sandboxId });
        if (this.containers.get(id)?.state !== 'exited') this.containers.set(id, status);
      }
      this.current = undefined;
    } catch (error) {
      if (!(error instanceof RuntimeError && error.kind === 'notFound')) throw error;
      const hasEnded = this.sandboxes.get(id)?.state === 'notReady' || this.containers.get(id)?.state === 'exited';
      if (!hasEnded) this.forget(id);
    }
  }

  /** The last words of a container that ended: its file, or the end of its log where the policy allows that. */
  private async withMessage(status: ContainerStatusInfo): Promise<ContainerStatusInfo> {
    if (status.state !== 'exited') return status;
    const { files } = this.context.system;
    const path = terminationFile(this.podDirectory, status.name, status.attempt);
    const written = await files.readTail(path, maxMessage);
    if (written !== '') return { ...status, message: written };
    const policy = status.annotations['io.kubernetes.container.terminationMessagePolicy'];
    if (policy !== 'FallbackToLogsOnError' || status.exitCode === 0 || !status.logPath) return status;
    const tail = await files.readTail(status.logPath, 8 * maxLogMessage);
    return { ...status, message: lastLogText(tail) || status.message };
  }
}

/** The text of CRI log lines (`<time> <stream> <tag> <text>`), newest last, cut to the limits from the front. */
function lastLogText(tail: string): string {
  const lines = tail.split('\n').filter((line) => /^\S+ (stdout|stderr) \S+ ?/.test(line));
  const text = lines.slice(-maxLogLines).map((line) => {
    const [, , , tag = 'F', rest = ''] = /^(\S+) (\S+) (\S+) ?(.*)$/.exec(line) ?? [];
    return tag.startsWith('P') ? rest : `${rest}\n`;
  });
  return text.join('').slice(-maxLogMessage);
}
