import { describe, expect, it } from 'vitest';
import { djangoHealth, healthPathIn } from './health.ts';

describe('the path at which an app is asked whether it is well', () => {
  it.each([
    ['nothing known', 'createServer((q, a) => a.end("hi")).listen(80)', '/'],
    ['a root', 'app.get("/items", f); app.get("/", g)', '/'],
    ['a root of Go', 'mux.HandleFunc("GET /{$}", f)\nmux.HandleFunc("GET /items", g)', '/'],
    ['files at the root', 'app.use(express.static("public")); app.get("/api", f)', '/'],
    ['a path of its own', "@app.route('/')\n@app.route('/healthz')", '/healthz'],
    ['routes below the root alone', '@app.get("/items")', undefined],
    ['the same by method', 'r.GET("/items", f)', undefined],
    ['the same in Go', 'http.HandleFunc("/hello", f)', undefined],
  ])('is told by sources: %s', (_, text, path) => {
    expect(healthPathIn(['', text])).toBe(path);
  });

  it('is one that the framework has, where it has one', () => {
    expect(healthPathIn(['@app.get("/items")'], '/openapi.json')).toBe('/openapi.json');
    expect(healthPathIn(['@app.get("/")'], '/openapi.json')).toBe('/');
  });
});

describe('an app of Django', () => {
  it('is asked by a name that it takes', () => {
    const hostOf = (settings: string): string | undefined => djangoHealth({ settings, urls: '' }).host;
    expect(hostOf('DEBUG = True\nALLOWED_HOSTS = []\n')).toBe('localhost');
    expect(hostOf('ALLOWED_HOSTS = [\n    ".shop.example",\n    "127.0.0.1",\n]\n')).toBe('shop.example');
    expect(hostOf("ALLOWED_HOSTS = ['*']")).toBeUndefined();
    expect(hostOf('ALLOWED_HOSTS = os.environ["HOSTS"].split(",")')).toBe('localhost');
  });

  it('is asked where its addresses say that something is', () => {
    const pathOf = (urls: string): string | undefined => djangoHealth({ settings: '', urls }).path;
    const admin = 'path("manage/", admin.site.urls)';
    expect(pathOf('')).toBe('/');
    expect(pathOf(`urlpatterns = [${admin}, path("", include("shop.urls"))]`)).toBe('/');
    expect(pathOf(`urlpatterns = [url(r'^$', home)]`)).toBe('/');
    expect(pathOf(`urlpatterns = [path("health/", ok), path("", home)]`)).toBe('/health/');
    expect(pathOf(`urlpatterns = [${admin}, path("items/", items)]`)).toBe('/manage/login/');
    expect(pathOf('urlpatterns = [path("items/", items)]')).toBeUndefined();
  });
});
