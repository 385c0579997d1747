/* Apart from lib/file.c: asking for users' entries cannot be linked statically. */
#include <assert.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/file.h"

static const char *home_folder(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user = home && *home ? NULL : getpwuid(getuid());

	if (home && *home)
		return home;
	return user && user->pw_dir ? user->pw_dir : "/";
}

const char *file_home(enum file_home which, struct arena *a)
{
	static const struct {
		const char *variable, *below_home;
	} homes[] = {
		[FILE_HOME_CONFIG] = {"XDG_CONFIG_HOME", ".config"},
		[FILE_HOME_DATA] = {"XDG_DATA_HOME", ".local/share"},
		[FILE_HOME_STATE] = {"XDG_STATE_HOME", ".local/state"},
		[FILE_HOME_CACHE] = {"XDG_CACHE_HOME", ".cache"},
	};
	const char *base;

	assert(which <= FILE_HOME_CACHE);
	base = getenv(homes[which].variable);
	if (!base || base[0] != '/') /* the specification: relative ones are to be ignored */
		base = file_join(a, home_folder(), homes[which].below_home);
	return file_join(a, base, "trimtab");
}
