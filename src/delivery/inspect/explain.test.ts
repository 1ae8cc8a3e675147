import { describe, expect, it } from 'vitest';
import { explainText, type OpenApiDocument } from './explain.ts';

const document: OpenApiDocument = {
  components: {
    schemas: {
      'com.example.v1.Widget': {
        type: 'object',
        description: 'A widget.',
        'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v1', kind: 'Widget' }],
        required: ['parts'],
        properties: {
          parts: {
            type: 'array',
            description: 'What it is made of.',
            items: { $ref: '#/components/schemas/a.b.Part' },
          },
          color: { type: 'string', enum: ['red', 'green'] },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
      'a.b.Part': {
        type: 'object',
        description: `A part ${'which is described at length '.repeat(3)}here.`,
        properties: {
          inner: { allOf: [{ $ref: '#/components/schemas/a.b.Part' }], description: 'Parts in parts.' },
          size: { type: 'integer', description: 'How large.' },
        },
      },
    },
  },
};
const widget = { group: 'example.com', version: 'v1', kind: 'Widget' };
const text = (path: string[], isRecursive = false): string => explainText(document, widget, { path, isRecursive });

describe('explain', () => {
  it('names the kind, says what it is, and lists its fields', () => {
    expect(text([]).split('\n')).toEqual([
      ...[
        'GROUP:      example.com',
        'KIND:       Widget',
        'VERSION:    v1',
        '',
        'DESCRIPTION:',
        '    A widget.',
        '    ',
      ],
      ...['FIELDS:', '  color\t<string>', '  enum: red, green', '    <no description>', ''],
      ...['  labels\t<map[string]string>', '    <no description>', ''],
      ...['  parts\t<[]Part> -required-', '    What it is made of.', '', ''],
    ]);
  });

  it('says of a field what it and its type are for, in lines of 80 columns', () => {
    expect(text(['parts', 'inner'])).toContain(
      [
        ...['FIELD: inner <Part>', '', '', 'DESCRIPTION:', '    Parts in parts.'],
        '    A part which is described at length which is described at length which is',
        '    described at length here.',
      ].join('\n'),
    );
  });

  it('shows fields of fields, and those that hold themselves once', () => {
    expect(text([], true).split('FIELDS:\n')[1]?.split('\n')).toEqual([
      ...['  color\t<string>', '  enum: red, green', '  labels\t<map[string]string>', '  parts\t<[]Part> -required-'],
      ...['    inner\t<Part>', '    size\t<integer>', ''],
    ]);
  });

  it('knows no fields and kinds that are not there', () => {
    expect(() => text(['nope'])).toThrow('field "nope" does not exist');
    expect(() => explainText({}, widget, { path: [], isRecursive: false })).toThrow(
      `couldn't find resource for "example.com/v1, Kind=Widget"`,
    );
  });
});
