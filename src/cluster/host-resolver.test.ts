import { describe, expect, it } from 'vitest';
import { withoutServer, withServer } from './host-resolver.ts';

const before = '# by the administrator\nsearch example.com\nnameserver 192.0.2.53\n';

describe('a resolv.conf with a cluster’s server', () => {
  it('asks that first, and says whose it is', () => {
    expect(withServer(before, 'dev', '10.89.0.1')).toBe(
      `# timonel dev\nnameserver 10.89.0.1\n# timonel: end\n${before}`,
    );
  });

  it('has it once, however often it is asked for', () => {
    const once = withServer(before, 'dev', '10.89.0.1');
    expect(withServer(once, 'dev', '10.89.0.1')).toBe(once);
  });

  it('is as it was when that is taken back, whatever was changed meanwhile', () => {
    expect(withoutServer(withServer(before, 'dev', '10.89.0.1'), 'dev')).toBe(before);
    const changed = `options edns0\n${withServer(before, 'dev', '10.89.0.1')}nameserver 192.0.2.54\n`;
    expect(withoutServer(changed, 'dev')).toBe(`options edns0\n${before}nameserver 192.0.2.54\n`);
  });

  it('is left alone by other clusters', () => {
    const text = withServer(before, 'dev', '10.89.0.1');
    expect(withoutServer(text, 'de')).toBe(text);
    expect(withoutServer(before, 'dev')).toBe(before);
  });
});
