import { isJsonObject, type JsonObject } from './plain-json.ts';
import { WireWriter } from './protobuf-wire.ts';

/**
 * Swagger 2.0 as gnostic's protobuf message (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`), the only
 * form that kubectl before 1.27 and many Go clients read. Field numbers are those of gnostic's OpenAPIv2.proto; parts
 * of Swagger that the Kubernetes API does not use are not written.
 *
 * The answer's content type must be `application/com.github.proto-openapi.spec.v2.v1.0+protobuf`, with a dot where the
 * request's Accept has `@`: Go's media-type parser refuses the latter.
 */
export function encodeOpenApiV2Protobuf(document: JsonObject): Uint8Array<ArrayBuffer> {
  const out = new WireWriter();
  messages.document(document, out);
  return out.finish();
}

type Write = (value: unknown, out: WireWriter) => void;
/** How each JSON property goes into its message. */
type Fields = Readonly<Record<string, readonly [number: number, write: Field]>>;
type Field = (number: number, value: unknown, out: WireWriter) => void;

const text: Field = (number, value, out) => {
  out.tag(number, 2);
  out.string(value as string);
};

const flag: Field = (number, value, out) => {
  out.tag(number, 0);
  out.varint(value ? 1 : 0);
};

const texts: Field = (number, value, out) => {
  for (const item of value as string[]) text(number, item, out);
};

function nested(write: Write): Field {
  return (number, value, out) => {
    out.tag(number, 2);
    const start = out.open();
    write(value, out);
    out.close(start);
  };
}

function repeated(field: Field): Field {
  return (number, value, out) => {
    for (const item of value as unknown[]) field(number, item, out);
  };
}

/** A JSON object as a list of (name, value) messages, itself in a field of the enclosing message. */
function namedEntries(number: number, value: Field): Write {
  return (object, out) => {
    for (const [name, inner] of Object.entries(object as JsonObject)) {
      nested((_, entry) => {
        text(1, name, entry);
        value(2, inner, entry);
      })(number, undefined, out);
    }
  };
}

/** A value of any kind: as YAML, of which JSON is a part. */
const anyValue: Field = nested((value, out) => text(2, JSON.stringify(value), out));

/** Writes a JSON object; keys that begin with `x-` are the message's extensions. */
function message(fields: Fields, extensions: number): Write {
  return (value, out) => {
    for (const [key, inner] of Object.entries(value as JsonObject)) {
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (field) field[1](field[0], inner, out);
      else if (key.startsWith('x-')) namedEntries(extensions, anyValue)({ [key]: inner }, out);
    }
  };
}

type MessageName = 'document' | 'pathItem' | 'schema';

/** Later messages, for those that refer to each other. */
const later =
  (name: MessageName): Write =>
  (value, out) =>
    messages[name](value, out);

const schemaField = nested(later('schema'));
const parameterFields = (shift: number): Fields => ({
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [5 + shift, text],
  format: [6 + shift, text],
  uniqueItems: [19 + shift, flag],
});

const pathParameter = message(parameterFields(0), 22);
const queryParameter = message(parameterFields(1), 23);
const bodyParameter = message(
  { description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, schemaField] },
  6,
);

/** ParametersItem { parameter: Parameter { body | nonBody { query | path } } } */
const parametersItem = nested((value, out) => {
  const { in: place } = value as { in: string };
  nested((_, parameter) => {
    if (place === 'body') return nested(bodyParameter)(1, value, parameter);
    nested((__, other) => {
      if (place === 'query') nested(queryParameter)(3, value, other);
      else nested(pathParameter)(4, value, other);
    })(2, undefined, parameter);
  })(1, undefined, out);
});

const response = message(
  { description: [1, text], schema: [2, nested((value, out) => schemaField(1, value, out))] },
  5,
);
const securityRequirement = nested(
  namedEntries(
    1,
    nested((value, out) => texts(1, value, out)),
  ),
);
const apiKey = message({ type: [1, text], name: [2, text], in: [3, text], description: [4, text] }, 5);

const operation = nested(
  message(
    {
      tags: [1, texts],
      summary: [2, text],
      description: [3, text],
      operationId: [5, text],
      produces: [6, texts],
      consumes: [7, texts],
      parameters: [8, repeated(parametersItem)],
      responses: [
        9,
        nested(
          namedEntries(
            1,
            nested((value, out) => nested(response)(1, value, out)),
          ),
        ),
      ],
      deprecated: [11, flag],
    },
    13,
  ),
);

const messages: Record<MessageName, Write> = {
  document: message(
    {
      swagger: [1, text],
      info: [2, nested(message({ title: [1, text], version: [2, text], description: [3, text] }, 7))],
      paths: [8, nested(namedEntries(2, nested(later('pathItem'))))],
      definitions: [9, nested(namedEntries(1, schemaField))],
      security: [12, repeated(securityRequirement)],
      securityDefinitions: [
        13,
        nested(
          namedEntries(
            1,
            nested((value, out) => nested(apiKey)(2, value, out)),
          ),
        ),
      ],
    },
    16,
  ),
  pathItem: message(
    {
      get: [2, operation],
      put: [3, operation],
      post: [4, operation],
      delete: [5, operation],
      patch: [8, operation],
      parameters: [9, repeated(parametersItem)],
    },
    10,
  ),
  schema: message(
    {
      $ref: [1, text],
      format: [2, text],
      title: [3, text],
      description: [4, text],
      default: [5, anyValue],
      pattern: [13, text],
      required: [19, texts],
      enum: [20, repeated(anyValue)],
      additionalProperties: [
        21,
        nested((value, out) => (isJsonObject(value) ? schemaField(1, value, out) : flag(2, value, out))),
      ],
      type: [22, nested((value, out) => text(1, value, out))],
      items: [23, nested((value, out) => schemaField(1, value, out))],
      allOf: [24, repeated(schemaField)],
      properties: [25, nested(namedEntries(1, schemaField))],
      example: [30, anyValue],
    },
    31,
  ),
};
