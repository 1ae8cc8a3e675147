import { Ajv, type ValidateFunction } from 'ajv';
import schema from './ship-schema.json' with { type: 'json' };

/** The compiled schema. A module of its own: loaded when a file is read, and by a static import, which bundlers get right. */
export const validateShipFile: ValidateFunction = new Ajv({
  allErrors: true,
  strict: false,
  verbose: true,
  logger: false,
}).compile(schema);
