import { describe, expect, it } from 'vitest';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { renderPlan } from './plan-diff.ts';

const metadata = { name: 'web', namespace: 'shop' };
const map = (data: Record<string, string>, more: object = {}): KubeObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, ...more }, data }) as AnyObject;
const secret = (data: Record<string, string>): KubeObject => ({ ...map(data), kind: 'Secret' });

describe('a plan', () => {
  it('shows what changes of each object, and counts', () => {
    const server = { resourceVersion: '7', uid: 'u', generation: 2, managedFields: [{}] };
    const lines = renderPlan([
      {
        action: 'configured',
        before: map({ color: 'red', size: '1' }, server),
        after: map({ color: 'blue', size: '1' }),
      },
      { action: 'created', after: { kind: 'Service', metadata } },
      { action: 'deleted', before: { kind: 'Ingress', metadata } },
      { action: 'unchanged', before: map({}), after: map({}) },
    ]);
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "~ ConfigMap shop/web
          @@ -1,6 +1,6 @@
           apiVersion: v1
           data:
          -  color: red
          +  color: blue
             size: "1"
           kind: ConfigMap
           metadata:
      + Service shop/web
          @@ -0,0 +1,4 @@
          +kind: Service
          +metadata:
          +  name: web
          +  namespace: shop
      - Ingress shop/web
          @@ -1,4 +0,0 @@
          -kind: Ingress
          -metadata:
          -  name: web
          -  namespace: shop
      1 to create, 1 to change, 1 to delete, 1 unchanged."
    `);
  });

  it('never shows a value of a Secret', () => {
    const text = renderPlan([
      {
        action: 'configured',
        before: secret({ a: 'b2xk', same: 'c2FtZQ==' }),
        after: secret({ a: 'bmV3', same: 'c2FtZQ==' }),
      },
      { action: 'created', after: { ...secret({}), stringData: { x: 'hunter2' } } as AnyObject },
    ]).join('\n');
    expect(text).not.toMatch(/b2xk|bmV3|c2FtZQ|hunter2/);
    expect(text).toContain('-  a: "*** (before)"');
    expect(text).toContain('+  a: "*** (after)"');
  });
});
