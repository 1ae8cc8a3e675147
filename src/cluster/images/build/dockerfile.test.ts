import { describe, expect, it } from 'vitest';
import { substituteFor } from './base-substitute.ts';
import { baseImages } from './dockerfile.ts';

describe('the images that a Dockerfile builds upon', () => {
  const basesOf = (text: string, args?: Record<string, string>): string[] => [...baseImages(text, args)];

  it('are those of FROM, without its own stages and scratch', () => {
    const dockerfile = `
      # FROM nothing
      FROM --platform=linux/amd64 golang:1.22 AS Build
      RUN go build
      FROM build as test
      from python-flask
      COPY --from=build /x /x
      COPY --from=0 /x /x
      FROM scratch
    `;
    expect(basesOf(dockerfile)).toEqual(['docker.io/library/golang:1.22', 'docker.io/library/python-flask:latest']);
  });

  it('are those that COPY takes from', () => {
    expect(basesOf('FROM scratch\nCOPY --chown=1 --from=registry.example:5000/tools:1 /a /b')).toEqual([
      'registry.example:5000/tools:1',
    ]);
  });

  it('may be named by arguments from before the first FROM', () => {
    const dockerfile = 'ARG VERSION="3.12"\nARG BASE=python:${VERSION}\nFROM ${BASE}${SUFFIX:--slim}\nFROM $UNKNOWN\n';
    expect(basesOf(dockerfile)).toEqual(['docker.io/library/python:3.12-slim']);
    expect(basesOf(dockerfile, { VERSION: '3.11' })).toEqual(['docker.io/library/python:3.11-slim']);
    expect(basesOf(dockerfile, { BASE: 'debian' })).toEqual([
      'docker.io/library/debian:latest'.replace(':latest', '-slim:latest'),
    ]);
  });

  it('are not in continued lines of other instructions, nor in here-documents', () => {
    expect(basesOf('FROM a\nRUN echo \\\n# a comment\nFROM b\nRUN <<EOF cat\nFROM c\nEOF\nFROM \\\n  d\n')).toEqual([
      'docker.io/library/a:latest',
      'docker.io/library/d:latest',
    ]);
  });
});

describe('what stands in for a base without a registry', () => {
  it('is known for what many build upon', () => {
    expect(substituteFor('docker.io/library/python:3.4-alpine')).toMatchObject({
      packages: ['python3', 'python3-pip', 'python3-venv', 'python-is-python3'],
      env: { PIP_BREAK_SYSTEM_PACKAGES: '1' },
    });
    expect(substituteFor('debian:bookworm-slim')).toMatchObject({ packages: [], command: ['/bin/bash'] });
    expect(substituteFor('busybox')).toMatchObject({ packages: undefined, command: ['/bin/sh'] });
  });

  it('is nothing for what nobody knows', () => {
    expect(substituteFor('docker.io/somebody/python:3')).toBeUndefined();
    expect(substituteFor('registry.example.com/python:3')).toBeUndefined();
    expect(substituteFor('docker.io/library/ghost')).toBeUndefined();
  });
});
