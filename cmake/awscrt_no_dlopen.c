/* What the AWS Common Runtime calls in place of dlopen() and dlsym(): see AwsCrt.cmake. */
#include <stddef.h>

void *berth_awscrt_dlopen(const char *name, int flags);
void *berth_awscrt_dlsym(void *library, const char *symbol);
int berth_awscrt_dlclose(void *library);

void *berth_awscrt_dlopen(const char *name, int flags) {
  (void)name;
  (void)flags;
  return NULL;
}

void *berth_awscrt_dlsym(void *library, const char *symbol) {
  (void)library;
  (void)symbol;
  return NULL;
}

int berth_awscrt_dlclose(void *library) {
  (void)library;
  return 0;
}
