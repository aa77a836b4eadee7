/* A scripted libnvidia-ml.so.1 for the tests; the real pynvml runs on it.  Written from pynvml's ctypes declarations only.
 *
 * State comes from the text file $FAKE_NVML_STATE ("key = value" lines, '#' comments).  Every NVML call stat()s the
 * file and re-parses it when (mtime_ns, size, inode) changed, so a test changes what the "driver" reports by replacing
 * the file (write a temp file, then rename).
 *
 * Lookup order for a device key K of GPU 3:  gpu.3.K  ->  gpu.*.K  ->  built-in default.
 * Values: plain text; "na" = NVML_VALUE_NOT_AVAILABLE; "err:N" = the call returns nvmlReturn_t N;
 *   "@calls a b c" = one item per read, the last one sticks;  "@cycle ms a b c" = wall-clock cycle;
 *   "@ramp start per_second" = linear in time since the first read of that value.
 * Faults: err.FN / gpu.N.err.FN (return code), delay_ms.FN and delay_us.FN / gpu.N.delay_ms.FN, hang.FN / gpu.N.hang.FN (blocks until
 *   the key goes away), crash.FN / gpu.N.crash.FN (SIGSEGV).  FN may be '*'.  A lost GPU is gpu.N.err.* = 15.
 * Events: event.ID = GPU TYPE DATA [GI CI]   (TYPE in hex or "xid"); IDs grow; each set delivers an ID once.
 *   event.err = 15 makes nvmlEventSetWait_v2 return that code at once.
 * $FAKE_NVML_NULL=N: N GPUs that answer their defaults at once, without a state file: what is left is the caller's own cost.
 * $FAKE_NVML_LOG: append "monotonic_ns thread function gpu return" for every call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef int R;
typedef unsigned int u32;
typedef unsigned long long u64;
enum { OK = 0, UNINIT = 1, INVAL = 2, NOTSUP = 3, NOPERM = 4, NOTFOUND = 6, INSUF = 7, TIMEOUT = 10, LOST = 15,
       VERMIS = 25 };

#define MAXGPU 64
#define MAXMIG 8
typedef struct dev { u32 magic; int idx; int mig; } dev;          /* opaque handle */
static dev devs[MAXGPU][MAXMIG + 1];

/* ---------- state table ---------- */
typedef struct kv { char *k, *v; int reads; u64 t0; } kv;
static kv *tab; static size_t ntab, cap;
static u64 max_event, first_event;
static struct stat last_st; static int have_st;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static int refcnt; static u64 reparses;

static u64 now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static u64 wall_us(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return t.tv_sec * 1000000ull + t.tv_nsec / 1000; }
static u64 hash(const char *s) { u64 h = 1469598103934665603ull; while (*s) { h ^= (unsigned char)*s++; h *= 1099511628211ull; } return h; }

static kv *find(const char *k) {
  if (!cap) return NULL;
  for (size_t i = hash(k) & (cap - 1);; i = (i + 1) & (cap - 1)) {
    if (!tab[i].k) return NULL;
    if (!strcmp(tab[i].k, k)) return &tab[i];
  }
}
static void put(kv *t, size_t c, char *k, char *v, const kv *old) {
  size_t i = hash(k) & (c - 1);
  while (t[i].k && strcmp(t[i].k, k)) i = (i + 1) & (c - 1);
  if (t[i].k) { free(t[i].k); free(t[i].v); }
  t[i].k = k; t[i].v = v; t[i].reads = 0; t[i].t0 = 0;
  if (old && !strcmp(old->v, v)) { t[i].reads = old->reads; t[i].t0 = old->t0; }  /* a script goes on across rewrites */
}
static char *trim(char *s) {
  while (*s == ' ' || *s == '\t') s++;
  char *e = s + strlen(s);
  while (e > s && (e[-1] == ' ' || e[-1] == '\t' || e[-1] == '\n' || e[-1] == '\r')) *--e = 0;
  return s;
}
static void reload_locked(void) {
  const char *p = getenv("FAKE_NVML_STATE");
  struct stat st;
  if (!p || stat(p, &st)) return;
  if (have_st && st.st_ino == last_st.st_ino && st.st_size == last_st.st_size &&
      st.st_mtim.tv_sec == last_st.st_mtim.tv_sec && st.st_mtim.tv_nsec == last_st.st_mtim.tv_nsec) return;
  FILE *f = fopen(p, "re");
  if (!f) return;
  size_t n = 0, c = 256; char line[65536]; char **ks = NULL, **vs = NULL; size_t a = 0;
  while (fgets(line, sizeof line, f)) {
    char *s = trim(line);
    if (!*s || *s == '#') continue;
    char *eq = strchr(s, '=');
    if (!eq) continue;
    *eq = 0;
    if (n == a) { a = a ? 2 * a : 256; ks = realloc(ks, a * sizeof *ks); vs = realloc(vs, a * sizeof *vs); }
    ks[n] = strdup(trim(s)); vs[n] = strdup(trim(eq + 1)); n++;
  }
  fclose(f);
  while (c < 2 * n + 2) c *= 2;
  kv *t = calloc(c, sizeof *t);
  max_event = first_event = 0;
  for (size_t i = 0; i < n; i++) {
    u64 id;
    if (sscanf(ks[i], "event.%llu", &id) == 1) { if (id > max_event) max_event = id; if (!first_event || id < first_event) first_event = id; }
    put(t, c, ks[i], vs[i], find(ks[i]));
  }
  for (size_t i = 0; i < cap; i++) if (tab[i].k) { free(tab[i].k); free(tab[i].v); }
  free(tab); free(ks); free(vs);
  tab = t; cap = c; ntab = n; last_st = st; have_st = 1; reparses++;
}

/* Copies the value of the key into out; 0 when there is none. */
static int value_locked(const char *key, char *out, size_t no) {
  kv *e = find(key);
  if (!e) return 0;
  char *v = e->v;
  if (*v != '@') { snprintf(out, no, "%s", v); return 1; }
  char buf[65536]; snprintf(buf, sizeof buf, "%s", v);
  char *save, *cmd = strtok_r(buf, " ", &save), *it[1024]; int n = 0;
  while (n < 1024 && (it[n] = strtok_r(NULL, " ", &save))) n++;
  if (!e->t0) e->t0 = now_ns();
  if (!strcmp(cmd, "@calls") && n) { int i = e->reads < n ? e->reads : n - 1; e->reads++; snprintf(out, no, "%s", it[i]); return 1; }
  if (!strcmp(cmd, "@cycle") && n > 1) { u64 ms = strtoull(it[0], 0, 0); u64 i = (now_ns() - e->t0) / 1000000 / (ms ? ms : 1); snprintf(out, no, "%s", it[1 + i % (n - 1)]); return 1; }
  if (!strcmp(cmd, "@ramp") && n > 1) { double x = strtod(it[0], 0) + strtod(it[1], 0) * (now_ns() - e->t0) / 1e9; snprintf(out, no, "%.0f", x < 0 ? 0 : x); return 1; }
  return 0;
}
static int nulled(void) { static int n = -1; if (n < 0) { const char *p = getenv("FAKE_NVML_NULL"); n = p ? atoi(p) : 0; } return n; }
static int dval(const dev *d, const char *k, char *out, size_t no) {
  if (nulled()) return 0;
  char key[256]; int ok = 0;
  pthread_mutex_lock(&mu);
  if (d->mig) { snprintf(key, sizeof key, "gpu.%d.mig.%d.%s", d->idx, d->mig - 1, k); ok = value_locked(key, out, no); }
  if (!ok) { snprintf(key, sizeof key, "gpu.%d.%s", d->idx, k); ok = value_locked(key, out, no); }
  if (!ok) { snprintf(key, sizeof key, "gpu.*.%s", k); ok = value_locked(key, out, no); }
  pthread_mutex_unlock(&mu);
  return ok;
}
static int gval(const char *k, char *out, size_t no) { if (nulled()) return 0; pthread_mutex_lock(&mu); int ok = value_locked(k, out, no); pthread_mutex_unlock(&mu); return ok; }
/* number with default; returns an NVML code */
static R num(const dev *d, const char *k, u64 def, u64 *out) {
  char b[256]; *out = def;
  if (!dval(d, k, b, sizeof b)) return OK;
  if (!strncmp(b, "err:", 4)) return atoi(b + 4);
  if (!strcmp(b, "na")) { *out = ~0ull; return OK; }
  *out = strchr(b, '.') ? (u64)strtod(b, 0) : (u64)strtoll(b, 0, 0);
  return OK;
}
static u64 gnum(const char *k, u64 def) { char b[64]; return gval(k, b, sizeof b) ? strtoull(b, 0, 0) : def; }

/* ---------- entry / exit of every call ---------- */
static void logcall(const char *fn, int gpu, R r) {
  if (nulled()) return;
  const char *p = getenv("FAKE_NVML_LOG");
  if (!p) return;
  char b[256];
  int n = snprintf(b, sizeof b, "%llu %ld %s %d %d\n", now_ns(), (long)syscall(SYS_gettid), fn, gpu, r);
  int fd = open(p, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0) { if (write(fd, b, n) < 0) {} close(fd); }
}
static int fault(const char *kind, const char *fn, const dev *d, u64 *v) {
  char key[256], b[64]; const char *names[2] = { fn, "*" };
  for (int i = 0; i < 2; i++) {
    snprintf(key, sizeof key, "%s.%s", kind, names[i]);
    if (d ? dval(d, key, b, sizeof b) : gval(key, b, sizeof b)) { *v = strtoull(b, 0, 0); return 1; }
    if (d && gval(key, b, sizeof b)) { *v = strtoull(b, 0, 0); return 1; }
  }
  return 0;
}
static int isdev(const dev *d) { return d >= &devs[0][0] && d <= &devs[MAXGPU - 1][MAXMIG] && d->magic == 0xfa4e; }
static R enter(const char *fn, const dev *d, int need_init) {
  u64 v;
  if (nulled()) return OK;
  pthread_mutex_lock(&mu); reload_locked(); int rc = refcnt; pthread_mutex_unlock(&mu);
  if (need_init && !rc) return UNINIT;
  if (d && !isdev(d)) return INVAL;
  if (fault("crash", fn, d, &v) && v) raise(SIGSEGV);
  if (fault("delay_ms", fn, d, &v) && v) usleep(v * 1000);
  if (fault("delay_us", fn, d, &v) && v) usleep(v);
  while (fault("hang", fn, d, &v) && v) {
    usleep(20000);
    pthread_mutex_lock(&mu); reload_locked(); pthread_mutex_unlock(&mu);
  }
  if (fault("err", fn, d, &v) && v) return (R)v;
  return OK;
}
#define EXPORT __attribute__((visibility("default")))
#define LEAVE(r) do { R _r = (r); logcall(__func__, -1, _r); return _r; } while (0)
#define DLEAVE(r) do { R _r = (r); logcall(__func__, isdev(d) ? d->idx : -1, _r); return _r; } while (0)
#define GENTER() R e = enter(__func__, NULL, 1); if (e) LEAVE(e)
#define DENTER() R e = enter(__func__, d, 1); if (e) DLEAVE(e); if (!d) DLEAVE(INVAL)

/* (handle, unsigned*) functions */
#define U32FN(NAME, KEY, DEF) EXPORT R NAME(dev *d, u32 *o) { DENTER(); u64 v; R r = num(d, KEY, DEF, &v); if (!r) *o = (u32)v; DLEAVE(r); }
#define U64FN(NAME, KEY, DEF) EXPORT R NAME(dev *d, u64 *o) { DENTER(); u64 v; R r = num(d, KEY, DEF, &v); if (!r) *o = v; DLEAVE(r); }
/* string functions */
#define STRFN(NAME, KEY, ...) EXPORT R NAME(dev *d, char *o, u32 n) { DENTER(); char b[256]; \
  if (!dval(d, KEY, b, sizeof b)) snprintf(b, sizeof b, __VA_ARGS__); if (!strncmp(b, "err:", 4)) DLEAVE(atoi(b + 4)); \
  if (strlen(b) + 1 > n) DLEAVE(INSUF); strcpy(o, b); DLEAVE(OK); }

/* ---------- system ---------- */
EXPORT R nvmlInitWithFlags(u32 f) {
  R e = enter(__func__, NULL, 0); if (e) LEAVE(e);
  pthread_mutex_lock(&mu);
  for (int i = 0; i < MAXGPU; i++) for (int m = 0; m <= MAXMIG; m++) devs[i][m] = (dev){ 0xfa4e, i, m };
  refcnt++; pthread_mutex_unlock(&mu); LEAVE(OK);
}
EXPORT R nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT R nvmlShutdown(void) { GENTER(); pthread_mutex_lock(&mu); refcnt--; pthread_mutex_unlock(&mu); LEAVE(OK); }
EXPORT const char *nvmlErrorString(R r) { static __thread char b[64]; snprintf(b, sizeof b, "fake NVML error %d", r); return b; }
static R gstr(const char *k, const char *def, char *o, u32 n) { char b[256]; if (!gval(k, b, sizeof b)) snprintf(b, sizeof b, "%s", def); if (strlen(b) + 1 > n) return INSUF; strcpy(o, b); return OK; }
EXPORT R nvmlSystemGetDriverVersion(char *o, u32 n) { GENTER(); LEAVE(gstr("driver.version", "570.86.15", o, n)); }
EXPORT R nvmlSystemGetNVMLVersion(char *o, u32 n) { GENTER(); LEAVE(gstr("nvml.version", "12.570.86.15", o, n)); }
EXPORT R nvmlSystemGetCudaDriverVersion(int *o) { GENTER(); *o = (int)gnum("cuda.version", 12080); LEAVE(OK); }
EXPORT R nvmlSystemGetCudaDriverVersion_v2(int *o) { GENTER(); *o = (int)gnum("cuda.version", 12080); LEAVE(OK); }
EXPORT R nvmlSystemGetProcessName(u32 pid, char *o, u32 n) {
  GENTER(); char p[64]; snprintf(p, sizeof p, "/proc/%u/comm", pid); FILE *f = fopen(p, "r"); if (!f) LEAVE(NOTFOUND);
  char b[256] = ""; if (!fgets(b, sizeof b, f)) b[0] = 0; fclose(f); snprintf(o, n, "%s", trim(b)); LEAVE(OK);
}
static u32 count(void) { if (nulled()) return nulled(); u64 c = gnum("gpu.count", 1); return c > MAXGPU ? MAXGPU : (u32)c; }
EXPORT R nvmlDeviceGetCount_v2(u32 *o) { GENTER(); *o = count(); LEAVE(OK); }

/* ---------- handles / identity ---------- */
EXPORT R nvmlDeviceGetHandleByIndex_v2(u32 i, dev **o) {
  GENTER(); if (i >= count()) LEAVE(INVAL);
  u64 v; if (fault("err", __func__, &devs[i][0], &v) && v) LEAVE((R)v);
  *o = &devs[i][0]; LEAVE(OK);
}
STRFN(nvmlDeviceGetUUID, "uuid", d->mig ? "MIG-fa4e0000-0000-0000-%04x-%012x" : "GPU-fa4e0000-0000-0000-%04x-%012x", d->mig, d->idx)
STRFN(nvmlDeviceGetName, "name", "NVIDIA H100 80GB HBM3")
STRFN(nvmlDeviceGetSerial, "serial", "165000000%04d", d->idx)
STRFN(nvmlDeviceGetVbiosVersion, "vbios", "96.00.89.00.01")
typedef struct { char legacy[16]; u32 domain, bus, device, devid, subsys; char busid[32]; } pci3;
static void busid(const dev *d, char *o, size_t n) { if (!dval(d, "pci.bus_id", o, n)) snprintf(o, n, "00000000:%02X:00.0", 0x10 + d->idx); }
EXPORT R nvmlDeviceGetPciInfo_v3(dev *d, pci3 *o) {
  DENTER(); memset(o, 0, sizeof *o); char b[64]; busid(d, b, sizeof b); snprintf(o->busid, 32, "%s", b); snprintf(o->legacy, 16, "%s", strlen(b) > 12 ? b + 4 : b);
  u32 dom = 0, bus = 0, dv = 0; sscanf(b, "%x:%x:%x", &dom, &bus, &dv); o->domain = dom; o->bus = bus; o->device = dv; o->devid = 0x233010de; DLEAVE(OK);
}
EXPORT R nvmlDeviceGetHandleByUUID(const char *u, dev **o) {
  GENTER(); char b[128];
  for (u32 i = 0; i < count(); i++) for (int m = 0; m <= MAXMIG; m++) {
    dev *d = &devs[i][m];
    if (!dval(d, "uuid", b, sizeof b)) snprintf(b, sizeof b, m ? "MIG-fa4e0000-0000-0000-%04x-%012x" : "GPU-fa4e0000-0000-0000-%04x-%012x", m, (int)i);
    if (!strcmp(b, u)) { *o = d; LEAVE(OK); }
  }
  LEAVE(NOTFOUND);
}
EXPORT R nvmlDeviceGetHandleByPciBusId_v2(const char *p, dev **o) {
  GENTER(); char b[64]; size_t l = strlen(p);
  for (u32 i = 0; i < count(); i++) { busid(&devs[i][0], b, sizeof b); size_t n = strlen(b); if (n >= l && !strcasecmp(b + n - l, p)) { *o = &devs[i][0]; LEAVE(OK); } }
  LEAVE(NOTFOUND);
}
EXPORT R nvmlDeviceGetIndex(dev *d, u32 *o) { DENTER(); *o = d->idx; DLEAVE(OK); }
EXPORT R nvmlDeviceGetMinorNumber(dev *d, u32 *o) { DENTER(); *o = d->idx; DLEAVE(OK); }
EXPORT R nvmlDeviceGetCudaComputeCapability(dev *d, int *a, int *b) { DENTER(); *a = 9; *b = 0; DLEAVE(OK); }
U32FN(nvmlDeviceGetArchitecture, "arch", 9)
U32FN(nvmlDeviceGetBrand, "brand", 2)
U32FN(nvmlDeviceGetPersistenceMode, "persistence", 1)
U32FN(nvmlDeviceGetComputeMode, "compute_mode", 0)
U32FN(nvmlDeviceGetDisplayMode, "display.mode", 0)
U32FN(nvmlDeviceGetDisplayActive, "display.active", 0)
U32FN(nvmlDeviceGetPerformanceState, "pstate", 0)
U32FN(nvmlDeviceGetFanSpeed, "fan", 0)
U32FN(nvmlDeviceGetNumFans, "fans", 0)
EXPORT R nvmlDeviceGetFanSpeed_v2(dev *d, u32 i, u32 *o) { DENTER(); u64 v; R r = num(d, "fan", 0, &v); *o = (u32)v; DLEAVE(r); }

/* ---------- utilisation, memory, power, temperature, clocks ---------- */
EXPORT R nvmlDeviceGetUtilizationRates(dev *d, u32 *o) {
  DENTER(); u64 g, m; R r = num(d, "util.gpu", 0, &g); if (r) DLEAVE(r); r = num(d, "util.mem", 0, &m); if (r) DLEAVE(r);
  o[0] = (u32)g; o[1] = (u32)m; DLEAVE(OK);
}
static R coder(dev *d, const char *k, u32 *u, u32 *p) { u64 v; R r = num(d, k, 0, &v); *u = (u32)v; *p = 167000; return r; }
EXPORT R nvmlDeviceGetEncoderUtilization(dev *d, u32 *u, u32 *p) { DENTER(); DLEAVE(coder(d, "util.enc", u, p)); }
EXPORT R nvmlDeviceGetDecoderUtilization(dev *d, u32 *u, u32 *p) { DENTER(); DLEAVE(coder(d, "util.dec", u, p)); }
static R mem(dev *d, u64 *t, u64 *u, u64 *rs) {
  u64 tm, um, rm; R r;
  if ((r = num(d, "mem.total_mib", 81559, &tm)) || (r = num(d, "mem.used_mib", 0, &um)) || (r = num(d, "mem.reserved_mib", 550, &rm))) return r;
  *t = tm << 20; *u = um << 20; *rs = rm << 20; return OK;
}
EXPORT R nvmlDeviceGetMemoryInfo(dev *d, u64 *o) {     /* v1: total, free, used (used includes reserved) */
  DENTER(); u64 t, u, rs; R r = mem(d, &t, &u, &rs); if (r) DLEAVE(r); o[0] = t; o[2] = u + rs > t ? t : u + rs; o[1] = t - o[2]; DLEAVE(OK);
}
typedef struct { u32 version; u64 total, reserved, free, used; } mem2;
EXPORT R nvmlDeviceGetMemoryInfo_v2(dev *d, mem2 *o) {
  DENTER(); if (o->version != 0x02000028) DLEAVE(VERMIS);
  u64 t, u, rs; R r = mem(d, &t, &u, &rs); if (r) DLEAVE(r); o->total = t; o->used = u; o->reserved = rs; o->free = u + rs > t ? 0 : t - u - rs; DLEAVE(OK);
}
EXPORT R nvmlDeviceGetBAR1MemoryInfo(dev *d, u64 *o) { DENTER(); o[0] = 128ull << 30; o[2] = 1 << 20; o[1] = o[0] - o[2]; DLEAVE(OK); }
U32FN(nvmlDeviceGetPowerUsage, "power_mw", 70000)
U32FN(nvmlDeviceGetEnforcedPowerLimit, "power_limit_mw", 700000)
U32FN(nvmlDeviceGetPowerManagementLimit, "power_limit_mw", 700000)
U32FN(nvmlDeviceGetPowerManagementDefaultLimit, "power_default_mw", 700000)
EXPORT R nvmlDeviceGetPowerManagementLimitConstraints(dev *d, u32 *a, u32 *b) { DENTER(); *a = 200000; *b = 700000; DLEAVE(OK); }
U32FN(nvmlDeviceGetPowerManagementMode, "power_mode", 1)
U64FN(nvmlDeviceGetTotalEnergyConsumption, "energy_mj", 0)
EXPORT R nvmlDeviceGetTemperature(dev *d, u32 s, u32 *o) { DENTER(); u64 v; R r = num(d, "temp", 35, &v); if (!r) *o = (u32)v; DLEAVE(r); }
typedef struct { u32 version, sensor; int t; } temp1;
EXPORT R nvmlDeviceGetTemperatureV(dev *d, temp1 *o) { DENTER(); if (o->version != 0x100000C) DLEAVE(VERMIS); u64 v; R r = num(d, "temp", 35, &v); o->t = (int)v; DLEAVE(r); }
EXPORT R nvmlDeviceGetTemperatureThreshold(dev *d, u32 w, u32 *o) {
  DENTER(); static const u32 def[] = { 92, 87, 95, 87, 0, 0, 0, 0 }; char k[32]; snprintf(k, sizeof k, "temp.threshold.%u", w); u64 v; R r = num(d, k, w < 8 ? def[w] : 0, &v); *o = (u32)v; DLEAVE(r);
}
typedef struct { u32 version; int margin; } margin1;
EXPORT R nvmlDeviceGetMarginTemperature(dev *d, margin1 *o) { DENTER(); if (o->version != 0x1000008) DLEAVE(VERMIS); u64 v; R r = num(d, "temp.margin", 50, &v); o->margin = (int)v; DLEAVE(r); }
static R clk(dev *d, const char *fam, u32 t, u32 *o) {
  static const char *n[] = { "graphics", "sm", "mem", "video" }; static const u32 def[] = { 1980, 1980, 2619, 1545 }; char k[48];
  if (t > 3) return INVAL; snprintf(k, sizeof k, "%s.%s", fam, n[t]); u64 v; R r = num(d, k, def[t], &v); if (!r) *o = (u32)v; return r;
}
EXPORT R nvmlDeviceGetClockInfo(dev *d, u32 t, u32 *o) { DENTER(); DLEAVE(clk(d, "clock", t, o)); }
EXPORT R nvmlDeviceGetMaxClockInfo(dev *d, u32 t, u32 *o) { DENTER(); DLEAVE(clk(d, "clock_max", t, o)); }
EXPORT R nvmlDeviceGetApplicationsClock(dev *d, u32 t, u32 *o) { DENTER(); DLEAVE(clk(d, "clock_max", t, o)); }
EXPORT R nvmlDeviceGetClock(dev *d, u32 t, u32 id, u32 *o) { DENTER(); DLEAVE(clk(d, id ? "clock_max" : "clock", t, o)); }
U64FN(nvmlDeviceGetCurrentClocksEventReasons, "clocks.reasons", 0)
U64FN(nvmlDeviceGetCurrentClocksThrottleReasons, "clocks.reasons", 0)
U64FN(nvmlDeviceGetSupportedClocksEventReasons, "clocks.supported", 0x1ff)
U64FN(nvmlDeviceGetSupportedClocksThrottleReasons, "clocks.supported", 0x1ff)
EXPORT R nvmlDeviceGetViolationStatus(dev *d, u32 p, u64 *o) { DENTER(); char k[32]; snprintf(k, sizeof k, "violation.%u", p); u64 v; R r = num(d, k, 0, &v); o[0] = wall_us(); o[1] = v; DLEAVE(r); }

/* ---------- ECC, retirement, remapping ---------- */
EXPORT R nvmlDeviceGetEccMode(dev *d, u32 *c, u32 *p) { DENTER(); u64 v; R r = num(d, "ecc.mode", 1, &v); *c = *p = (u32)v; DLEAVE(r); }
static R ecc(dev *d, u32 et, u32 ct, int loc, u64 *o) {
  char k[48]; int n = snprintf(k, sizeof k, "ecc.%s.%s", ct ? "aggregate" : "volatile", et ? "unc" : "cor");
  if (loc >= 0) snprintf(k + n, sizeof k - n, ".%d", loc);
  return num(d, k, 0, o);
}
EXPORT R nvmlDeviceGetTotalEccErrors(dev *d, u32 et, u32 ct, u64 *o) { DENTER(); DLEAVE(ecc(d, et, ct, -1, o)); }
EXPORT R nvmlDeviceGetMemoryErrorCounter(dev *d, u32 et, u32 ct, u32 loc, u64 *o) { DENTER(); DLEAVE(ecc(d, et, ct, loc, o)); }
EXPORT R nvmlDeviceGetDetailedEccErrors(dev *d, u32 et, u32 ct, u64 *o) { DENTER(); R r = OK; for (int i = 0; i < 4 && !r; i++) r = ecc(d, et, ct, i, o + i); DLEAVE(r); }
EXPORT R nvmlDeviceGetRemappedRows(dev *d, u32 *c, u32 *u, u32 *p, u32 *f) {
  DENTER(); u64 v; R r;
  if ((r = num(d, "remap.cor", 0, &v))) DLEAVE(r); *c = (u32)v;
  if ((r = num(d, "remap.unc", 0, &v))) DLEAVE(r); *u = (u32)v;
  if ((r = num(d, "remap.pending", 0, &v))) DLEAVE(r); *p = (u32)v;
  if ((r = num(d, "remap.failure", 0, &v))) DLEAVE(r); *f = (u32)v; DLEAVE(OK);
}
EXPORT R nvmlDeviceGetRowRemapperHistogram(dev *d, u32 *o) { DENTER(); static const char *n[] = { "max", "high", "partial", "low", "none" }; char k[32]; for (int i = 0; i < 5; i++) { u64 v; snprintf(k, sizeof k, "remap.hist.%s", n[i]); R r = num(d, k, i ? 0 : 640, &v); if (r) DLEAVE(r); o[i] = (u32)v; } DLEAVE(OK); }
static R retired(dev *d, u32 cause, u32 *n, u64 *a, u64 *t) {
  u64 v; R r = num(d, cause ? "retired.dbe" : "retired.sbe", 0, &v); if (r) return r;
  if (*n < v || !a) { u32 had = *n; *n = (u32)v; return (v == 0 && had == 0) ? OK : INSUF; }
  for (u64 i = 0; i < v; i++) { a[i] = 0x1000 * (i + 1); if (t) t[i] = wall_us(); }
  *n = (u32)v; return OK;
}
EXPORT R nvmlDeviceGetRetiredPages(dev *d, u32 c, u32 *n, u64 *a) { DENTER(); DLEAVE(retired(d, c, n, a, NULL)); }
EXPORT R nvmlDeviceGetRetiredPages_v2(dev *d, u32 c, u32 *n, u64 *a, u64 *t) { DENTER(); DLEAVE(retired(d, c, n, a, t)); }
U32FN(nvmlDeviceGetRetiredPagesPendingStatus, "retired.pending", 0)
typedef struct { u32 version; u64 c[11]; u32 exceeded; } sram1;
EXPORT R nvmlDeviceGetSramEccErrorStatus(dev *d, sram1 *o) { DENTER(); if (o->version != 0x1000068) DLEAVE(VERMIS); memset(o->c, 0, sizeof o->c); u64 v; R r = num(d, "ecc.sram.threshold_exceeded", 0, &v); o->exceeded = (u32)v; if (!r) r = num(d, "ecc.sram.unc", 0, &o->c[0]); DLEAVE(r); }

/* ---------- PCIe, NVLink ---------- */
U32FN(nvmlDeviceGetPcieReplayCounter, "pcie.replay", 0)
U32FN(nvmlDeviceGetCurrPcieLinkGeneration, "pcie.gen", 5)
U32FN(nvmlDeviceGetMaxPcieLinkGeneration, "pcie.gen_max", 5)
U32FN(nvmlDeviceGetGpuMaxPcieLinkGeneration, "pcie.gen_max", 5)
U32FN(nvmlDeviceGetCurrPcieLinkWidth, "pcie.width", 16)
U32FN(nvmlDeviceGetMaxPcieLinkWidth, "pcie.width_max", 16)
U32FN(nvmlDeviceGetPcieSpeed, "pcie.speed", 32000)
EXPORT R nvmlDeviceGetPcieThroughput(dev *d, u32 c, u32 *o) { DENTER(); usleep(gnum("pcie.throughput_ms", 20) * 1000); u64 v; R r = num(d, c ? "pcie.rx_kbps" : "pcie.tx_kbps", 0, &v); *o = (u32)v; DLEAVE(r); }
static R link_(dev *d, u32 l, const char *what, u64 def, u64 *o) { u64 n; R r = num(d, "nvlink.count", 18, &n); if (r) return r; if (l >= n) return INVAL; char k[48], b[32]; snprintf(k, sizeof k, "nvlink.%u.%s", l, what); if (!dval(d, k, b, sizeof b)) snprintf(k, sizeof k, "nvlink.*.%s", what); return num(d, k, def, o); }
EXPORT R nvmlDeviceGetNvLinkState(dev *d, u32 l, u32 *o) { DENTER(); u64 v; R r = link_(d, l, "state", 1, &v); if (!r) *o = (u32)v; DLEAVE(r); }
EXPORT R nvmlDeviceGetNvLinkVersion(dev *d, u32 l, u32 *o) { DENTER(); u64 v; R r = link_(d, l, "version", 4, &v); if (!r) *o = (u32)v; DLEAVE(r); }
EXPORT R nvmlDeviceGetNvLinkErrorCounter(dev *d, u32 l, u32 c, u64 *o) { DENTER(); char w[16]; snprintf(w, sizeof w, "err.%u", c); DLEAVE(link_(d, l, w, 0, o)); }

/* ---------- processes ---------- */
typedef struct { u32 pid; u64 mem; u32 gi, ci; } proc2;      /* 24 bytes: v2 and v3 have one layout */
static R procs(dev *d, const char *key, u32 *n, proc2 *o) {
  char b[16384]; if (!dval(d, key, b, sizeof b)) b[0] = 0;
  if (!strncmp(b, "err:", 4)) return atoi(b + 4);
  proc2 t[512]; u32 c = 0; char *s, *it = strtok_r(b, ", ", &s);
  for (; it && c < 512; it = strtok_r(NULL, ", ", &s)) {      /* pid:mem_mib|na[:gi:ci] */
    char m[32] = "0"; u32 pid = 0, gi = ~0u, ci = ~0u; sscanf(it, "%u:%31[^:]:%u:%u", &pid, m, &gi, &ci);
    t[c++] = (proc2){ pid, !strcmp(m, "na") ? ~0ull : strtoull(m, 0, 0) << 20, gi, ci };
  }
  if (!c) { *n = 0; return OK; }
  if (!o || *n < c) { *n = c; return INSUF; }
  memcpy(o, t, c * sizeof *t); *n = c; return OK;
}
EXPORT R nvmlDeviceGetComputeRunningProcesses_v2(dev *d, u32 *n, proc2 *o) { DENTER(); DLEAVE(procs(d, "procs", n, o)); }
EXPORT R nvmlDeviceGetComputeRunningProcesses_v3(dev *d, u32 *n, proc2 *o) { DENTER(); DLEAVE(procs(d, "procs", n, o)); }
EXPORT R nvmlDeviceGetGraphicsRunningProcesses_v2(dev *d, u32 *n, proc2 *o) { DENTER(); DLEAVE(procs(d, "gprocs", n, o)); }
EXPORT R nvmlDeviceGetGraphicsRunningProcesses_v3(dev *d, u32 *n, proc2 *o) { DENTER(); DLEAVE(procs(d, "gprocs", n, o)); }
EXPORT R nvmlDeviceGetMPSComputeRunningProcesses_v2(dev *d, u32 *n, proc2 *o) { DENTER(); DLEAVE(procs(d, "mprocs", n, o)); }
EXPORT R nvmlDeviceGetMPSComputeRunningProcesses_v3(dev *d, u32 *n, proc2 *o) { DENTER(); DLEAVE(procs(d, "mprocs", n, o)); }
typedef struct { u32 pid; u64 ts; u32 sm, mem, enc, dec; } putil;
EXPORT R nvmlDeviceGetProcessUtilization(dev *d, putil *o, u32 *n, u64 since) {
  DENTER(); char b[16384]; if (!dval(d, "proc_util", b, sizeof b)) b[0] = 0;
  putil t[512]; u32 c = 0; char *s, *it = strtok_r(b, ", ", &s); u64 now = wall_us();
  for (; it && c < 512; it = strtok_r(NULL, ", ", &s)) {      /* pid:sm:mem[:age_us] */
    u32 pid = 0, sm = 0, m = 0; u64 age = 0; sscanf(it, "%u:%u:%u:%llu", &pid, &sm, &m, &age);
    if (now - age > since) t[c++] = (putil){ pid, now - age, sm, m, 0, 0 };
  }
  if (!c) DLEAVE(NOTFOUND);                                   /* real NVML: no sample newer than `since` */
  if (!o || *n < c) { *n = c; DLEAVE(INSUF); }
  memcpy(o, t, c * sizeof *t); *n = c; DLEAVE(OK);
}
U32FN(nvmlDeviceGetAccountingMode, "accounting", 0)

/* ---------- samples ---------- */
typedef struct { u64 ts; u64 val; } sample;
EXPORT R nvmlDeviceGetSamples(dev *d, u32 type, u64 since, u32 *vt, u32 *n, sample *o) {
  DENTER(); char k[32]; snprintf(k, sizeof k, "samples.%u", type); char b[16384]; if (!dval(d, k, b, sizeof b)) DLEAVE(NOTFOUND);
  *vt = 1; u32 c = 0; char *s, *it = strtok_r(b, ", ", &s); u64 now = wall_us();
  for (; it; it = strtok_r(NULL, ", ", &s), c++) if (o && c < *n) { o[c].ts = now; o[c].val = strtoull(it, 0, 0); }
  *n = c; DLEAVE(OK);
}

/* ---------- field values ---------- */
typedef struct { u32 id, scope; long long ts, lat; u32 vt; u32 ret; union { double d; u32 u; u64 ull; long long s; int i; } v; } fv;
EXPORT R nvmlDeviceGetFieldValues(dev *d, int n, fv *f) {
  DENTER(); if (n <= 0 || !f) DLEAVE(INVAL);
  for (int i = 0; i < n; i++) {
    char k[48], b[128]; snprintf(k, sizeof k, "field.%u.%u", f[i].id, f[i].scope);
    int ok = dval(d, k, b, sizeof b); if (!ok) { snprintf(k, sizeof k, "field.%u", f[i].id); ok = dval(d, k, b, sizeof b); }
    f[i].ts = wall_us(); f[i].lat = 5; f[i].v.ull = 0;
    if (!ok) { f[i].ret = NOTSUP; continue; }
    if (!strncmp(b, "err:", 4)) { f[i].ret = atoi(b + 4); continue; }
    f[i].ret = OK;
    if (strchr(b, '.')) { f[i].vt = 0; f[i].v.d = strtod(b, 0); }                               /* double */
    else if (strchr(b, 'u')) { f[i].vt = 1; f[i].v.u = (u32)strtoul(b, 0, 0); }                 /* "7u" unsigned int */
    else if (*b == '-') { f[i].vt = 4; f[i].v.s = strtoll(b, 0, 0); }                           /* signed long long */
    else { f[i].vt = 3; f[i].v.ull = strtoull(b, 0, 0); }                                       /* unsigned long long */
  }
  DLEAVE(OK);
}

/* ---------- MIG ---------- */
EXPORT R nvmlDeviceGetMigMode(dev *d, u32 *c, u32 *p) { DENTER(); u64 v; R r = num(d, "mig.mode", 0, &v); *c = *p = (u32)v; DLEAVE(r); }
U32FN(nvmlDeviceGetMaxMigDeviceCount, "mig.max", 7)
EXPORT R nvmlDeviceIsMigDeviceHandle(dev *d, u32 *o) { DENTER(); *o = d->mig > 0; DLEAVE(OK); }
EXPORT R nvmlDeviceGetMigDeviceHandleByIndex(dev *d, u32 i, dev **o) { DENTER(); u64 v; R r = num(d, "mig.count", 0, &v); if (r) DLEAVE(r); if (i >= v || i >= MAXMIG) DLEAVE(NOTFOUND); *o = &devs[d->idx][i + 1]; DLEAVE(OK); }
EXPORT R nvmlDeviceGetDeviceHandleFromMigDeviceHandle(dev *d, dev **o) { DENTER(); *o = &devs[d->idx][0]; DLEAVE(OK); }
EXPORT R nvmlDeviceGetGpuInstanceId(dev *d, u32 *o) { DENTER(); u64 v; R r = num(d, "gi", d->mig, &v); *o = (u32)v; DLEAVE(r); }
EXPORT R nvmlDeviceGetComputeInstanceId(dev *d, u32 *o) { DENTER(); u64 v; R r = num(d, "ci", 0, &v); *o = (u32)v; DLEAVE(r); }

/* ---------- GPM ---------- */
typedef struct { dev *d; } gsample;
typedef struct { u32 version, supported; } gsup;
typedef struct { u32 id; R ret; double v; const char *s, *l, *u; } gmetric;
typedef struct { u32 version, n; gsample *a, *b; gmetric m[]; } gget;
EXPORT R nvmlGpmQueryDeviceSupport(dev *d, gsup *o) { DENTER(); if (o->version != 1) DLEAVE(VERMIS); u64 v; R r = num(d, "gpm.supported", 1, &v); o->supported = (u32)v; DLEAVE(r); }
EXPORT R nvmlGpmSampleAlloc(gsample **o) { GENTER(); *o = calloc(1, sizeof(gsample)); LEAVE(OK); }
EXPORT R nvmlGpmSampleFree(gsample *s) { GENTER(); free(s); LEAVE(OK); }
EXPORT R nvmlGpmSampleGet(dev *d, gsample *s) { DENTER(); s->d = d; DLEAVE(OK); }
EXPORT R nvmlGpmMetricsGet(gget *g) {
  GENTER(); if (g->version != 1) LEAVE(VERMIS); if (!g->a || !g->b || !g->a->d) LEAVE(INVAL);
  for (u32 i = 0; i < g->n; i++) { char k[32], b[64]; snprintf(k, sizeof k, "gpm.%u", g->m[i].id); g->m[i].s = "fake"; g->m[i].l = "fake metric"; g->m[i].u = "%";
    if (dval(g->a->d, k, b, sizeof b)) { g->m[i].ret = OK; g->m[i].v = strtod(b, 0); } else { g->m[i].ret = NOTSUP; g->m[i].v = 0; } }
  LEAVE(OK);
}

/* ---------- exported by real drivers, unsupported here ---------- */
#define NOTSUPFN(NAME) EXPORT R NAME(void) { LEAVE(NOTSUP); }
NOTSUPFN(nvmlDeviceGetDriverModel) NOTSUPFN(nvmlDeviceGetDriverModel_v2) NOTSUPFN(nvmlDeviceGetRunningProcessDetailList)
NOTSUPFN(nvmlDeviceGetProcessesUtilizationInfo) NOTSUPFN(nvmlDeviceGetConfComputeMemSizeInfo) NOTSUPFN(nvmlDeviceGetAccountingStats)
NOTSUPFN(nvmlDeviceGetNvLinkCapability) NOTSUPFN(nvmlDeviceGetNvLinkRemoteDeviceType) NOTSUPFN(nvmlDeviceGetGpuFabricInfoV)
NOTSUPFN(nvmlDeviceGetAttributes_v2) NOTSUPFN(nvmlDeviceGetNumGpuCores) NOTSUPFN(nvmlDeviceGetMemoryBusWidth)

/* ---------- events ---------- */
typedef struct { u64 cursor; u64 mask[MAXGPU]; } evset;
typedef struct { dev *d; u64 type, data; u32 gi, ci; } evdata;
EXPORT R nvmlEventSetCreate(evset **o) {
  GENTER(); evset *s = calloc(1, sizeof *s); pthread_mutex_lock(&mu); s->cursor = max_event; pthread_mutex_unlock(&mu);
  if (gnum("events.replay", 0)) s->cursor = 0;                /* real NVML delivers only what comes after registering */
  *o = s; LEAVE(OK);
}
U64FN(nvmlDeviceGetSupportedEventTypes, "events.supported", 0x1f9f)
EXPORT R nvmlDeviceRegisterEvents(dev *d, u64 mask, evset *s) {
  DENTER(); u64 sup; R r = num(d, "events.supported", 0x1f9f, &sup); if (r) DLEAVE(r);
  if (!s) DLEAVE(INVAL); if (mask & ~sup) DLEAVE(NOTSUP); s->mask[d->idx] |= mask; DLEAVE(OK);
}
EXPORT R nvmlEventSetWait_v2(evset *s, evdata *o, u32 ms) {
  GENTER(); if (!s) LEAVE(INVAL); u64 end = now_ns() + ms * 1000000ull;
  for (;;) {
    u64 er = gnum("event.err", 0); if (er) LEAVE((R)er);
    pthread_mutex_lock(&mu);
    if (s->cursor + 1 < first_event) s->cursor = first_event - 1;
    while (s->cursor < max_event) {
      char k[48], b[128], ty[32] = ""; u32 g = 0, gi = ~0u, ci = ~0u; u64 data = 0; snprintf(k, sizeof k, "event.%llu", ++s->cursor);
      if (!value_locked(k, b, sizeof b)) continue;
      sscanf(b, "%u %31s %lli %u %u", &g, ty, (long long *)&data, &gi, &ci);
      u64 t = !strcmp(ty, "xid") ? 8 : strtoull(ty, 0, 0);
      if (g >= MAXGPU || !(s->mask[g] & t)) continue;
      *o = (evdata){ &devs[g][0], t, data, gi, ci };
      pthread_mutex_unlock(&mu); LEAVE(OK);
    }
    pthread_mutex_unlock(&mu);
    u64 t = now_ns(); if (t >= end) LEAVE(TIMEOUT);
    u64 left = (end - t) / 1000; usleep(left < 5000 ? left : 5000);
    pthread_mutex_lock(&mu); reload_locked(); pthread_mutex_unlock(&mu);
  }
}
EXPORT R nvmlEventSetWait(evset *s, evdata *o, u32 ms) { return nvmlEventSetWait_v2(s, o, ms); }
EXPORT R nvmlEventSetFree(evset *s) { GENTER(); free(s); LEAVE(OK); }
/* for tests of the fake itself */
EXPORT u64 fakeNvmlReparses(void) { return reparses; }
