/** Annotations of pods by which a local cluster's agents are asked for what no field is for (src/node). */

/** The pod's containers end, after so many seconds by SIGKILL, and stay so while it is there; '': the pod's own time. */
export const stoppedAnnotation = 'timonel.dev/stopped';

/** How often its containers are to have been started again at least: those that ended before are started once more. */
export const restartsAnnotation = 'timonel.dev/restarts';

/** `true`: the pod's processes stand still. */
export const pausedAnnotation = 'timonel.dev/paused';
