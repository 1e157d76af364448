// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * window - how long to look for work before sleeping until it comes: PURE
 */
#include "window.h"

void window_close(struct window *win)
{
	win->length_ns = 0;
	win->misses = 0;
	win->closed_for = WINDOW_CLOSED_FOR;
}

/* Would looking for at most @max_ns have met the work that came now? */
void window_wake(struct window *win, u64 now, u32 max_ns)
{
	u32 next;

	win->idle = false;
	if (win->closed_for) {
		win->closed_for--;
	} else if (now - win->idle_since_ns > max_ns) {
		next = win->length_ns / 2;
		win->length_ns = next < WINDOW_STEP_NS ? 0 : next;
	} else if (win->misses >= WINDOW_MISSES_MAX) {
		window_close(win);
	} else {
		next = max(2 * win->length_ns, WINDOW_STEP_NS);
		win->length_ns = min(next, max_ns);
	}
}

bool window_over(struct window *win, u64 now)
{
	if (!win->idle) {
		win->idle = true;
		win->idle_since_ns = now;
	}
	if (now - win->idle_since_ns < win->length_ns)
		return false;
	if (win->length_ns)
		win->misses++;
	return true;
}
