import { isApiError } from '../api/status.ts';

/** A request about an object that may have gone meanwhile: then there is nothing left to do, and the answer undefined. */
export async function unlessGone<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
