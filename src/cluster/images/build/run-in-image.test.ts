import { expect, it } from 'vitest';
import { withoutBuildah } from './run-in-image.ts';

it('hands on what a script says, without what buildah adds, however it is cut', () => {
  const script = 'F.\nError: mine\nsubprocess\nError: exit statuses\n';
  const text = `${script}subprocess exited with status 1\nsubprocess exited on terminated\nError: exit status 1\n`;
  for (let size = 1; size <= text.length; size++) {
    const heard: string[] = [];
    const hear = withoutBuildah((each) => heard.push(each));
    for (let at = 0; at < text.length; at += size) hear(text.slice(at, at + size));
    expect(heard.join('')).toBe(script);
  }
});

it('does not wait for the ends of lines that are the script’s own', () => {
  const heard: string[] = [];
  withoutBuildah((each) => heard.push(each))('50 %');
  expect(heard).toEqual(['50 %']);
});
