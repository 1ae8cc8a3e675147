import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../../src/cluster/certificates.ts';
import { type Cluster, createCluster } from '../../src/library.ts';
import { installedKubectls } from '../support/kubectl.ts';
import { createSideBySide, type SideBySide } from '../support/side-by-side.ts';

/** What `create` makes from flags, and what it complains of, is what kubectl's makes and complains of. */
const [path] = installedKubectls();
let cluster: Cluster;
let side: SideBySide;

beforeAll(async () => {
  cluster = await createCluster({ nodes: 0, seed: 1 });
  if (!path) return;
  side = createSideBySide(path, await cluster.kubeconfig());
  side.file('x.txt', 'a');
  side.file('bin', Buffer.from([0xff, 0xfe]));
  side.file('env', 'A=1\n# nothing\n\nB=two words\nPATH\n');
  side.file('directory/text', 'one\ntwo\n');
  side.file('directory/bytes', Buffer.from([0xff, 0xfe]));
  const [one, other] = [createAuthority('one', 0), createAuthority('other', 0)];
  side.file('ca.crt', one.certificate);
  side.file('ca.key', one.key);
  side.file('other.key', other.key);
  await side.kubectl.ok('create', 'namespace', 'rich');
  await side.kubectl.ok('create', 'cronjob', 'tick', '--image=i', '--schedule=@daily', '-n', 'rich', '--', 'a', 'b c');
  await side.kubectl.ok('create', 'deployment', 'web', '--image=i', '-n', 'rich');
});
afterAll(async () => {
  side?.close();
  await cluster.stop();
});

describe.skipIf(path === undefined)('as kubectl makes objects', () => {
  it.each([
    'create configmap c --from-literal=a=b --from-literal=c=d=e --dry-run=client -o yaml',
    'create cm c --from-file=k={x.txt},l={bin} --dry-run=client -o yaml',
    'create cm c --from-env-file={env} --dry-run=client -o yaml',
    'create cm c --from-literal=a=b --append-hash --dry-run=client -o yaml',
    'create cm c --dry-run=client -o yaml',
    'create cm c --dry-run=client -o yaml -n rich',
    'create cm c --from-literal=a --dry-run=client',
    'create cm c --from-literal==a --dry-run=client',
    'create cm c --from-literal=a/b=a --dry-run=client',
    'create cm c --from-literal=a=b --from-literal=a=c --dry-run=client',
    'create cm c --from-env-file={env} --from-literal=a=b --dry-run=client',
    'create cm c --from-file=nope --dry-run=client',
    'create cm c --from-file=a=b=c --dry-run=client',
    'create cm c --from-file=={x.txt} --dry-run=client',
    'create cm c --from-file=a= --dry-run=client',
    'create cm c --from-env-file=nope --dry-run=client',
    'create cm',
    'create cm a b',
    'create secret generic s --from-literal=a=b --type=my/type --append-hash --dry-run=client -o yaml',
    'create secret docker-registry r --docker-username=u --docker-password=p --docker-email=e@x --dry-run=client -o yaml',
    'create secret docker-registry r --docker-username=u --docker-password=p --docker-server=reg:5000 --append-hash --dry-run=client -o yaml',
    'create secret docker-registry r --docker-username=u --dry-run=client',
    'create secret docker-registry r --from-file={x.txt} --dry-run=client -o yaml',
    'create secret docker-registry r --from-file=.dockerconfigjson={x.txt} --dry-run=client -o yaml',
    'create service clusterip s --tcp=80 --dry-run=client -o yaml',
    'create svc clusterip s --tcp=80:8080,81:http --dry-run=client -o yaml',
    'create service clusterip s --clusterip=None --dry-run=client -o yaml',
    'create service clusterip s --dry-run=client -o yaml',
    'create service clusterip s --tcp=x --dry-run=client',
    'create service clusterip s --tcp=80:0 --dry-run=client',
    'create service clusterip s --tcp=80:a_b --dry-run=client',
    'create service clusterip s --tcp=99999 --dry-run=client',
    'create service clusterip s --tcp=80 --clusterip=None --dry-run=client -o yaml',
    'create service nodeport s --tcp=80 --node-port=30099 --dry-run=client -o yaml',
    'create service nodeport s --dry-run=client',
    'create service loadbalancer s --tcp=80:8080 --dry-run=client -o yaml',
    'create service externalname s --external-name=a.b --dry-run=client -o yaml',
    'create service externalname s --external-name=a.b --tcp=80 --dry-run=client -o yaml',
    'create deployment d --image=a/b:1 --image=c@sha256:0000000000000000000000000000000000000000000000000000000000000000 --port=80 --replicas=2 --dry-run=client -o yaml',
    'create deployment d --image=a --dry-run=client -o yaml -- x y',
    'create deployment d --image=a --image=b --dry-run=client -o yaml -- x y',
    'create deployment d --image=a --replicas=-1 --dry-run=client',
    'create deployment d --image=a --port=99999 --dry-run=client',
    'create ns x --dry-run=client -o yaml',
    'create ns x --dry-run=client -o yaml -n rich',
    'create job j --from=cronjob/tick -n rich --dry-run=client -o yaml',
    'create job j --from=cj/nope -n rich --dry-run=client -o yaml',
    'create job j --from=deploy/web -n rich --dry-run=client -o yaml',
    'create job j --from=deploy -n rich --dry-run=client -o yaml',
    'create job j --from=cj/tick --image=a -n rich --dry-run=client -o yaml',
    'create job j --from=cj/tick -n rich --dry-run=client -o yaml -- a',
    'create job j',
    'create role r --verb=get,list --resource=pods,deployments.apps --dry-run=client -o yaml',
    'create role r --verb=get --verb=get --verb=list --resource=pods --resource=pods/log --resource-name=a --resource-name=b --dry-run=client -o yaml',
    'create role r --verb=* --resource=deploy.apps/scale --dry-run=client -o yaml',
    'create role r --verb=nope --resource=pods --dry-run=client -o yaml',
    'create role r --verb=get --dry-run=client',
    'create role r --resource=pods --dry-run=client',
    'create role r --verb=get --resource=pods,svc --resource-name=a --dry-run=client',
    'create role r --verb=get --resource=/log --dry-run=client',
    'create role r --verb=get --resource=* --dry-run=client -o yaml',
    'create role r --verb=get --resource=*.apps --dry-run=client -o yaml',
    'create clusterrole r --verb=get --resource=pods,nodes --dry-run=client -o yaml',
    'create clusterrole r --verb=get --non-resource-url=/logs/* --dry-run=client -o yaml',
    'create clusterrole r --verb=list --non-resource-url=/logs/* --dry-run=client -o yaml',
    'create clusterrole r --verb=get --non-resource-url=/logs/* --resource=pods --dry-run=client -o yaml',
    'create clusterrole r --aggregation-rule=a=b,c=d --dry-run=client -o yaml',
    'create clusterrole r --aggregation-rule=a=b --verb=get --dry-run=client -o yaml',
    'create clusterrole r --verb=get --dry-run=client',
    'create clusterrole r --verb=get --non-resource-url=foo --dry-run=client -o yaml',
    'create rolebinding b --clusterrole=view --user=u --user=v --group=g --serviceaccount=ns:n --dry-run=client -o yaml',
    'create rolebinding b --role=view --dry-run=client -o yaml',
    'create rolebinding b --role=view --clusterrole=x --dry-run=client',
    'create rolebinding b --dry-run=client',
    'create rolebinding b --role=view --serviceaccount=x --dry-run=client',
    'create clusterrolebinding b --clusterrole=view --user=u,v --group=g --serviceaccount=ns:n --dry-run=client -o yaml',
    'create serviceaccount s --dry-run=client -o yaml',
    'create sa s --dry-run=client -o yaml -n rich',
    'create sa',
    'create quota q --hard=cpu=1,memory=1G --scopes=BestEffort,NotTerminating --dry-run=client -o yaml',
    'create quota q --dry-run=client -o yaml',
    'create quota q --hard=cpu --dry-run=client -o yaml',
    'create quota q --hard=cpu=x --dry-run=client -o yaml',
    'create quota q --hard=cpu=x,cpu=1 --dry-run=client -o yaml',
    'create quota q --scopes=Foo --dry-run=client -o yaml',
    'create priorityclass p --value=1000 --description=hi --global-default --dry-run=client -o yaml',
    'create pc p --value=1000 --preemption-policy=Never --dry-run=client -o yaml',
    'create pc p --preemption-policy=Foo --dry-run=client -o yaml',
    'create pc p --dry-run=client -o yaml',
    'create pdb p --selector=a=b --min-available=1 --dry-run=client -o yaml',
    "create pdb p --selector='a in (b,c),!d' --max-unavailable=50% --dry-run=client -o yaml",
    'create pdb p --selector=a=b --dry-run=client -o yaml',
    'create pdb p --min-available=1 --dry-run=client -o yaml',
    'create pdb p --selector=a=b --min-available=1 --max-unavailable=1 --dry-run=client -o yaml',
    'create pdb p --selector=a=b --min-available=x --dry-run=client -o yaml',
    "create ingress i --rule='foo.com/bar=svc1:8080,tls=my-cert' --dry-run=client -o yaml",
    "create ing i --rule='foo.com/*=svc1:http,tls' --rule='foo.com/b=svc2:80,tls' --rule='/c=svc3:1' --rule='x.com/=s:1,tls=c1' --class=default --annotation=a=b --annotation=c=d --dry-run=client -o yaml",
    'create ing i --default-backend=s:80 --dry-run=client -o yaml',
    'create ing i --default-backend=s --dry-run=client -o yaml',
    'create ing i --dry-run=client -o yaml',
    'create ing i --rule=foo --dry-run=client',
    "create ing i --rule='foo.com/*=svc1' --dry-run=client",
    "create ing i --rule='foo.com/*=svc1:80' --annotation=a --dry-run=client",
    'create token nope',
    'create token default --duration=1m',
    'create token default --bound-object-kind=Pod',
    'create token default --bound-object-kind=Foo --bound-object-name=x',
    'create token default --bound-object-kind=Pod --bound-object-name=nope',
    'create token default --bound-object-name=nope',
    'create token',
    'create cronjob j --image=i --schedule=@daily --dry-run=server -o name -- a b',
    'create job j --image=i --dry-run=server -o name -- a b',
    'create configmap c --from-file={directory} --append-hash --dry-run=client -o yaml',
    'create configmap c --from-file=a={directory} --dry-run=client',
    'create configmap c --from-env-file={directory} --dry-run=client',
    'create secret tls s --cert={ca.crt} --key={ca.key} --dry-run=client -o yaml',
    'create secret tls s --cert={ca.crt} --key={other.key} --dry-run=client -o yaml',
    'create secret tls s --cert=nope --key={ca.key}',
    'create secret tls s --cert={x.txt} --key={ca.key}',
    'create secret tls s --key={ca.key}',
    "create pdb p --selector='a!=b' --min-available=1 --dry-run=client -o yaml",
  ])('%s', async (line) => {
    const { theirs, ours } = await side.both(line);
    expect(ours).toEqual(theirs);
  });
});
