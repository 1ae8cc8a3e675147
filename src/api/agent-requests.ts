/**
 * Annotations of pods by which commands for Compose projects ask this project's agents for what no field is for. Others
 * pass them over.
 */

/** The pod's containers end, after so many seconds by SIGKILL, and stay so while it is there; '': the pod's own time. */
export const stoppedAnnotation = 'timonel.dev/stopped';

/** How often its containers are to have been started again at least: those that ended before are started once more. */
export const restartsAnnotation = 'timonel.dev/restarts';

/** `true`: the pod's processes stand still. */
export const pausedAnnotation = 'timonel.dev/paused';
