import type { FlowSchemaCondition } from '../../api/types/flowcontrol-v1.ts';

/** Does a flow schema name a priority level that is there? `now`: RFC 3339. */
export function danglingCondition(level: string, exists: boolean, now: string): FlowSchemaCondition {
  const subject = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  return {
    type: 'Dangling',
    ...(exists ? { status: 'False', reason: 'Found' } : { status: 'True', reason: 'NotFound' }),
    lastTransitionTime: now,
    message: exists ? `${subject} and it exists` : `${subject} but there is no such object`,
  };
}
