import { createObject } from './create.ts';
import { isDryRun } from './core.ts';
import type { Core, Outcome, ResourceRequest } from './core.ts';
import { objectBody } from './object-body.ts';
import { updateObject } from './update-object.ts';

/** PUT of an object or of one of its subresources that have its shape. */
export async function update(core: Core, request: ResourceRequest): Promise<Outcome> {
  const source = await objectBody(core, request);
  const dryRun = isDryRun(request.request.query.getAll('dryRun'));
  const mayCreate = request.kind.allowCreateOnUpdate === true && request.subresource === '';
  return updateObject(core, request, {
    dryRun,
    change: () => source.next(),
    ...(mayCreate && { create: () => createObject(core, request, { make: () => source.next(), dryRun }) }),
  });
}
