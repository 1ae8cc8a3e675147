import { describe, expect, it } from 'vitest';
import { substitute } from './interpolate.ts';
import { load, messageOf } from '../../../test/support/compose.ts';

const variables: Record<string, string> = { A: 'a', EMPTY: '', NEST: 'n' };
const sub = (text: string): string => substitute(text, { lookup: (name) => variables[name] });

describe('interpolation', () => {
  it.each([
    ['$A', 'a'],
    ['${A}', 'a'],
    ['x${A}y$A-z', 'xaya-z'],
    ['$$A', '$A'],
    ['$${A}', '${A}'],
    ['${UNSET}', ''],
    ['${UNSET-d}', 'd'],
    ['${EMPTY-d}', ''],
    ['${EMPTY:-d}', 'd'],
    ['${A:-d}', 'a'],
    ['${A:+alt}', 'alt'],
    ['${EMPTY:+alt}', ''],
    ['${EMPTY+alt}', 'alt'],
    ['${UNSET+alt}', ''],
    ['${UNSET:-${NEST:-deep}}', 'n'],
    ['${UNSET:-${ALSO:-deep $A}}', 'deep a'],
    ['${UNSET:-{"a":1}', '{"a":1'],
    ['${UNSET:-http://h:80/?q=1}', 'http://h:80/?q=1'],
    ['${UNSET:-a}${A:-b}}', 'aa}'],
    ['${UNSET:-{}}', '{}'],
    ['$(date) costs $5 or 5$', '$(date) costs $5 or 5$'],
    ['${A:?message}', 'a'],
    ['${UNSET:-$$}', '$'],
    // Cases of compose-go's own tests: the first operator counts.
    ['${EMPTY:-/non:-alphanumeric}', '/non:-alphanumeric'],
    ['${UNSET-${A} ${A}}', 'a a'],
    ['${EMPTY?err}', ''],
    ['${UNSET-myerror?msg}', 'myerror?msg'],
    ['${A?bar-baz}', 'a'],
    ['${UNSET-va:-lu:?e}', 'va:-lu:?e'],
    ['${A+va?lu-e}', 'va?lu-e'],
    ['${A:+va:?lu:-e}', 'va:?lu:-e'],
    ['$$$A', '$a'],
  ])('%s is %s', (text, expected) => {
    expect(sub(text)).toBe(expected);
  });

  it('names file, line and key of a missing variable, and of a bad form', () => {
    const file = 'services:\n  web:\n    image: ${TAG:?say which}\n';
    expect(messageOf(() => load(file))).toBe(
      'compose.yaml:3: services.web.image: error while interpolating: required variable TAG is missing a value: say which',
    );
    for (const bad of ['${', '${}', '${A', '${A!x}', '${A:}', '${A:-x']) {
      expect(messageOf(() => load(`services:\n  web:\n    image: '${bad}'\n`))).toContain(
        'compose.yaml:3: services.web.image: invalid interpolation format',
      );
    }
  });

  it.each([
    ['${UNSET:?Mandatory ${A}}', 'required variable UNSET is missing a value: Mandatory a'],
    ['${UNSET:?}', 'required variable UNSET is missing a value'],
    ['${EMPTY:?x}', 'required variable EMPTY is missing a value: x'],
    ['${A:-${UNSET:?looked at all the same}}', 'required variable UNSET is missing a value: looked at all the same'],
    ['${UNSET?bar-baz}', 'required variable UNSET is missing a value: bar-baz'],
  ])('ends with the words of a variable that must be there: %s', (text, expected) => {
    expect(messageOf(() => sub(text))).toBe(expected);
  });

  it('warns once of each variable that is not set', () => {
    const { warnings } = load('services:\n  web:\n    image: x$TAG\n    hostname: h$TAG\n');
    expect(warnings).toEqual(['The "TAG" variable is not set. Defaulting to a blank string.']);
  });

  it('gives values their types afterwards', () => {
    const text =
      'services:\n  web:\n    image: i\n    privileged: "${P}"\n    scale: ${N}\n    ports: ["${PORT}:80"]\n';
    const { project } = load(text, { environment: { P: 'true', N: '3', PORT: '8080' } });
    expect(project.services['web']).toMatchObject({ privileged: true, scale: 3, ports: [{ published: '8080' }] });
  });

  it('knows the project name', () => {
    expect(load('name: shop\nservices:\n  web:\n    image: ${COMPOSE_PROJECT_NAME}/web\n').project).toMatchObject({
      name: 'shop',
      services: { web: { image: 'shop/web' } },
    });
  });
});
