import type { Cgroups } from './cgroups.ts';

/** Makes the processes of one pod stand still, and lets them go on (`compose pause`). */
export class PodFreezer {
  private readonly cgroups: Cgroups;
  private readonly path: string;
  private state: boolean | undefined;

  /** `isAdopted`: an earlier agent may have left the pod frozen. */
  constructor(cgroups: Cgroups, options: { path: string; isAdopted: boolean }) {
    this.cgroups = cgroups;
    this.path = options.path;
    this.state = options.isAdopted ? undefined : false;
  }

  get isFrozen(): boolean {
    return this.state === true;
  }

  /** Is there something to do for the pod to be so? */
  differs(frozen: boolean): boolean {
    return this.state !== frozen;
  }

  async set(frozen: boolean): Promise<void> {
    if (!this.differs(frozen)) return;
    await this.cgroups.freeze(this.path, frozen);
    this.state = frozen;
  }
}
