"""A small line chart as SVG: the trials along, the score upwards on a log scale, one line per search."""
import math

WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 640, 360, 52, 36, 132, 28
OURS = ("#0b57d0", "#0e8a5f", "#7a3ff2", "#b3261e")
THEIRS = ("#5f6368", "#e37400", "#9aa0a6", "#c58af9", "#795548", "#80868b", "#d01884", "#00838f")


def _text(x, y, text, anchor="middle", more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" {more}>{text}</text>'


def _spread(places, gap, lowest):
    """Moves labels apart, downwards and then back from the lowest place: a list of (y, ...)."""
    out, last = [], -math.inf
    for y, *rest in sorted(places):
        last = max(y, last + gap)
        out.append((last, *rest))
    for i in reversed(range(len(out))):
        lowest = min(out[i][0], lowest)
        out[i] = (lowest, *out[i][1:])
        lowest -= gap
    return out


def chart(title, lines):
    """lines: {who: [(n, score), ...]}; ours are named trimtab-... and drawn strongly."""
    points = [p for line in lines.values() for p in line]
    most = max(n for n, _ in points)
    low = math.floor(math.log10(min(s for _, s in points)))
    high = max(math.ceil(math.log10(max(s for _, s in points))), low + 1)

    def x(n):
        return LEFT + (WIDTH - LEFT - RIGHT) * n / most

    def y(score):
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - math.log10(score)) / (high - low)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           'font-size="11">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           _text(LEFT, 16, title, "start", 'font-size="13"')]
    for power in range(low, high + 1):
        at = y(10.0**power)
        out += [f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#e0e0e0"/>',
                _text(LEFT - 6, at + 4, f"{10.0**power:g}", "end")]
    for n in range(0, most + 1, 20 if most <= 100 else 50):
        out.append(_text(x(n), HEIGHT - BOTTOM + 16, str(n)))
    out.append(_text(x(most / 2), HEIGHT - 4, "trials"))
    labels, ours, theirs = [], iter(OURS * 3), iter(THEIRS * 3)
    for who, line in sorted(lines.items()):
        mine = who.startswith("trimtab-")
        colour = next(ours if mine else theirs)
        path = "L".join(f"{x(n):.1f} {y(s):.1f}" for n, s in line)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{2.2 if mine else 1.2}"/>')
        labels.append((y(line[-1][1]), who, colour))
    for at, who, colour in _spread(labels, 13, HEIGHT - 8):
        out.append(_text(WIDTH - RIGHT + 6, at + 4, who, "start", f'fill="{colour}"'))
    return "\n".join([*out, "</svg>"]) + "\n"
