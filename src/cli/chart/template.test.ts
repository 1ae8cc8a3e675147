import { expect, it } from 'vitest';
import { onlyShown, wholeText } from './template.ts';

const definition = { path: 'web/charts/db/crds/a.yaml', content: 'kind: A\n' };
const service = { path: 'web/templates/service.yaml', content: 'kind: Service' };
const role = { path: 'web/templates/rbac/role.yaml', content: 'kind: Role' };
const binding = { path: 'web/templates/rbac/rolebinding.yaml', content: 'kind: RoleBinding' };
const hook = { path: 'web/templates/tests/a.yaml', content: 'kind: Pod' };

it('is printed as Helm prints it', () => {
  expect(wholeText({ manifests: [definition, service], hooks: [hook] })).toBe(
    '---\n# Source: web/charts/db/crds/a.yaml\nkind: A\n\n---\n# Source: web/templates/service.yaml\nkind: Service\n' +
      '---\n# Source: web/templates/tests/a.yaml\nkind: Pod\n',
  );
  expect(wholeText({ manifests: [], hooks: [] })).toBe('\n');
});

it('may be shown in part, by names and patterns', () => {
  const paths = (...wanted: string[]): string[] =>
    onlyShown([definition, service, role, binding], wanted).map(({ path }) => path.slice(4));
  expect(paths('templates/service.yaml')).toEqual(['templates/service.yaml']);
  expect(paths('templates/rbac/role*', 'charts/db/crds/[ab].yaml')).toEqual([
    ...['templates/rbac/role.yaml', 'templates/rbac/rolebinding.yaml', 'charts/db/crds/a.yaml'],
  ]);
  expect(() => paths('templates/*.yml')).toThrow('could not find template templates/*.yml in chart');
  expect(() => paths('templates/[')).toThrow('could not find template');
});
