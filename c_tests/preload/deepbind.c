/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plugin opened so that it prefers the C library's calls. It lies where only this program's own search path leads:
 * whoever opens it must be seen to be this program. */
#include "harness.h"

#include <dlfcn.h>

int main(void)
{
    void *plugin = dlopen("plugin.so", RTLD_NOW | RTLD_DEEPBIND);
    if (plugin == NULL)
        FAIL("%s", dlerror());
    long (*uses_segment)(void) = (long (*)(void))dlsym(plugin, "plugin_uses_segment");
    CHECK(uses_segment != NULL);
    CHECK_EQ(uses_segment(), 1);
    CHECK(dlopen("there-is-no-such-object.so", RTLD_NOW) == NULL);
    CHECK(strstr(dlerror(), "there-is-no-such-object.so") != NULL);
    /* What is asked of the program itself is answered for it. */
    CHECK(dlopen(NULL, RTLD_NOW | RTLD_DEEPBIND) != NULL);
    CHECK_OK(dlclose(plugin));
    return 0;
}
