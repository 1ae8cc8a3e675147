import type { Project, Service } from '../../delivery/compose/model.ts';
import { Problems } from '../../delivery/compose/translate/problems.ts';
import { type ServiceScope, serviceScope } from '../../delivery/compose/translate/scope.ts';
import { CliError } from '../errors.ts';
import type { StackService } from './stacks.ts';

const noFiles = { readBytes: () => undefined, isDirectory: () => false, exists: () => false };

/**
 * What a file would have said of a part of a service, as the project's translation makes objects of it. Throws
 * {@link CliError} for what it refuses.
 */
export function translated<T>(
  { stack, service: name }: Pick<StackService, 'stack' | 'service'>,
  service: Service,
  translate: (scope: ServiceScope) => T,
): T {
  const project: Project = {
    ...{ name: stack, directory: '/', services: { [name]: service } },
    ...{
      networks: {},
      volumes: {},
      secrets: {},
      configs: {},
      models: {},
      extensions: {},
      disabled: {},
      environment: {},
    },
  };
  const problems = new Problems({});
  const made = translate(serviceScope({ project, problems, options: { files: noFiles, swarm: true } }, name));
  try {
    problems.finish();
  } catch (error) {
    throw new CliError((error as Error).message.replace(/^services\.[^:]*: /, ''), { cause: error });
  }
  return made;
}
