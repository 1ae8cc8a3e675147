import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { call } from '../support/http-call.ts';
import { clusterForTests } from './support.ts';

/**
 * From sources alone, by `timonel init` and `timonel ship`, to an answer through the ingress. The Dockerfiles that init
 * writes name public images. With no registry in reach,
 *
 * - `python:3.13-slim` is made by `timonel image base` under that name, from Debian's packages, those of the frameworks
 *   included: `pip install` finds them installed and asks no index;
 * - `nginx:1.29-alpine` is what ship itself puts in its place: Debian with nginx.
 *
 * FastAPI (whose Debian package asks for other versions than Debian has), Node and Go need packages or compilers that
 * take minutes to get without a registry: their Dockerfiles are looked at in the unit tests of init.
 */
const { cluster, scratch } = clusterForTests('ini');

const packages = ['python3', 'python3-pip', 'python-is-python3', 'gunicorn'];
const frameworks = ['python3-flask', 'python3-pytest', 'python3-django'];

beforeAll(async () => {
  await cluster.timonel('image', 'base', 'python:3.13-slim', '--include', [...packages, ...frameworks].join(','));
});

/** Writes the sources of a project, as a person has them; gives its directory. */
function project(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(scratch, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

/** The app's page at the name that init gives it, by the cluster's ingress. */
async function page(name: string): Promise<string> {
  const file = `/var/lib/timonel/${cluster.name}/ingress/ports.json`;
  const { entrances } = JSON.parse(readFileSync(file, 'utf8')) as { entrances: [{ clearPort: number }] };
  const { status, body } = await call(entrances[0].clearPort, '/', { host: `${name}.localhost` });
  return `${status} ${body.trim()}`;
}

async function initAndShip(directory: string): Promise<string> {
  await cluster.timonel('init', directory);
  return cluster.timonel('ship', '-f', join(directory, 'timonel.yaml'));
}

const manage = `import os
import sys
from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_it.settings")
execute_from_command_line(sys.argv)
`;

const wsgi = `import os
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_it.settings")
application = get_wsgi_application()
`;

describe('an app that is nothing but its sources', () => {
  it('of Flask is tested, shipped and answers, and a plan says that nothing is left to do', async () => {
    const app = `from flask import Flask

app = Flask(__name__)


@app.route("/")
def hello():
    return "Hello from Flask"
`;
    const test =
      'from app import app\n\n\ndef test_hello():\n    assert app.test_client().get("/").data[:5] == b"Hello"\n';
    const directory = project('hello', { 'app.py': app, 'requirements.txt': 'flask\n', 'tests/test_app.py': test });
    expect(await initAndShip(directory)).toBe('hello revision 1\n');
    expect(await page('hello')).toBe('200 Hello from Flask');
    const plan = await cluster.timonel('ship', '--plan', '-f', join(directory, 'timonel.yaml'));
    expect(plan).toContain('0 to create, 0 to change, 0 to delete, 5 unchanged.');
  });

  it('of Django is asked by a name that it takes', async () => {
    const directory = project('polls', {
      'manage.py': manage,
      'requirements.txt': 'django\n',
      'site_of_it/__init__.py': '',
      'site_of_it/settings.py':
        'DEBUG = True\nALLOWED_HOSTS = []\nSECRET_KEY = "x"\nROOT_URLCONF = "site_of_it.urls"\nUSE_TZ = True\n',
      'site_of_it/urls.py':
        'from django.http import HttpResponse\nfrom django.urls import path\n\n' +
        'urlpatterns = [path("", lambda request: HttpResponse("Hello from Django"))]\n',
      'site_of_it/wsgi.py': wsgi,
      'site_of_it/tests.py':
        'from django.test import SimpleTestCase\n\n\nclass Root(SimpleTestCase):\n    def test_it(self):\n' +
        '        self.assertContains(self.client.get("/"), "Hello")\n',
    });
    expect(await initAndShip(directory)).toBe('polls revision 1\n');
    expect(await page('polls')).toBe('200 Hello from Django');
  });

  it('of pages alone is served by nginx', async () => {
    const directory = project('pages', { 'public/index.html': '<p>Hello from pages</p>\n' });
    expect(await initAndShip(directory)).toBe('pages revision 1\n');
    expect(await page('pages')).toBe('200 <p>Hello from pages</p>');
  });
});
