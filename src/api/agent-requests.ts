/**
 * Annotations of pods by which commands for Compose projects ask this project's agents for what no field is for. Others
 * pass them over.
 */

/** The pod's containers end, after so many seconds by SIGKILL, and stay so while it is there; '': the pod's own time. */
export const stoppedAnnotation = 'timonel.dev/stopped';

/** How often its containers are to have been started again at least: those that ended before are started once more. */
export const restartsAnnotation = 'timonel.dev/restarts';

/** `true`: what the pod has in volumes without a name is for the next pod of its service, and not removed with it. */
export const leavesVolumesAnnotation = 'timonel.dev/leaves-volumes';

/** `never`, `on-failure`, `on-failure:3`: Docker's restart policies. The pod stays when its container has ended. */
export const restartAnnotation = 'timonel.dev/restart';

/** `name`, `name:group`: as in the image's /etc/passwd and /etc/group. */
export const userAnnotation = 'timonel.dev/user';

/** `true`: the pod's processes stand still. */
export const pausedAnnotation = 'timonel.dev/paused';
