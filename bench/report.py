# SPDX-License-Identifier: Apache-2.0
"""Prints what was measured: a table a row, goals, one JSON object a contestant, and a plot (SVG)."""

import json
from xml.sax.saxutils import escape

MIB = 1 << 20
COLUMNS = ('who', 'median s', 'min', 'max', 'cpu s', 'x we', 'peak MiB', 'rss MiB', 'cpus', 'answer')
BAR_HEIGHT, GAP, LABEL_WIDTH, BAR_WIDTH, TITLE_HEIGHT = 16, 4, 190, 420, 44


def seconds(value):
    """Three digits that mean something, from milliseconds to minutes."""
    if value < 0.1:
        return f'{value:.4f}'
    return f'{value:.3f}' if value < 10 else f'{value:.1f}'


def cells(result):
    """One line of the table."""
    if result.get('error'):
        return [result['who'], 'failed:', result['error']]
    ratio = result['ratio']
    return [result['who'], seconds(result['median_s']), seconds(min(result['runs'])),
            seconds(max(result['runs'])), seconds(result['cpu_s']),
            f'{ratio:.2f}' if ratio else '-', f'{result["memory"]["peak"] / MIB:.0f}',
            f'{result["memory"]["rss"] / MIB:.0f}', result['placement'], result['answer']['verdict']]


def table(results):
    """The results of a row as text."""
    lines = [list(COLUMNS)] + [cells(result) for result in results]
    whole = [line for line in lines if len(line) == len(COLUMNS)]
    widths = [max(len(line[i]) for line in whole) for i in range(len(COLUMNS))]
    widths[0] = max(len(line[0]) for line in lines)
    text = []
    for line in lines:
        if len(line) != len(COLUMNS):
            text.append(f'  {line[0].ljust(widths[0])}  ' + ' '.join(line[1:]))
            continue
        text.append('  ' + '  '.join([line[0].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]))
    return '\n'.join(text)


def judge(goal, results):
    """One goal in words, with what was reached; None when somebody it names did not run."""
    by_who = {result['who']: result for result in results if not result.get('error')}
    we = by_who.get(goal.who)
    if we is None or (goal.peer and goal.peer not in by_who):
        return None
    if goal.peer:
        value = by_who[goal.peer]['median_s'] / we['median_s']
        wish, seen, reached = (f'at least {goal.times:.2g} x {goal.peer}', f'{value:.2f} x',
                               value >= goal.times)
    elif goal.memory:
        value = we['memory']['peak']
        wish, seen, reached = (f'at most {goal.memory / MIB:.0f} MiB', f'{value / MIB:.0f} MiB',
                               value <= goal.memory)
    else:
        value = we['median_s']
        wish, seen, reached = (f'at most {goal.seconds * 1000:.0f} ms', f'{value * 1000:.1f} ms',
                               value <= goal.seconds)
    return f'  goal: {goal.who} {wish}: {seen}, {"reached" if reached else "NOT REACHED"}'


def json_lines(done):
    """A line that says what ran where, then one line a contestant; done is a list of (head, results) for each row."""
    lines, last = [], None
    for head, results in done:
        lines += results if head == last else [head, *results]
        last = head
    return ''.join(json.dumps(entry, ensure_ascii=False) + '\n' for entry in lines)


def parse(text):
    """The rows of json_lines again: row name -> (head, results)."""
    head, done = None, {}
    for entry in map(json.loads, text.splitlines()):
        if 'bench' in entry:
            head = entry
        else:
            done.setdefault(entry['row'], (head, []))[1].append(entry)
    return done


def svg_row(y, title, results):
    """The bars of one row and the y behind them. The longest bar is the slowest contestant."""
    slowest = max(result['median_s'] for result in results)
    parts = [f'<text x="8" y="{y + TITLE_HEIGHT - 12}" class="t">{escape(title)}</text>']
    y += TITLE_HEIGHT
    for number, result in enumerate(results):
        width = max(1, BAR_WIDTH * result['median_s'] / slowest)
        kind = 'we' if result['who'].startswith('gw') else 'they'
        figure = f'{seconds(result["median_s"])} s'
        if result['ratio'] and number > 0:
            figure += f' ({result["ratio"]:.2f} x)'
        middle = y + BAR_HEIGHT - 4
        parts += [f'<text x="{LABEL_WIDTH - 6}" y="{middle}" class="l">{escape(result["who"])}</text>',
                  f'<rect x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" '
                  f'class="{kind}"/>',
                  f'<text x="{LABEL_WIDTH + width + 6:.1f}" y="{middle}">{figure}</text>']
        y += BAR_HEIGHT + GAP
    return y, parts


def svg(done, titles):
    """A plot of all rows: done as for json_lines, titles by name of row."""
    y, parts = 34, []
    for head, results in done:
        good = [result for result in results if not result.get('error')]
        if good:
            name = good[0]['row']
            y, more = svg_row(y, f'{name}: {titles.get(name, "")} (medians of {head["runs"]})', good)
            parts += more
    width, height = LABEL_WIDTH + BAR_WIDTH + 160, y + 16
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        '<style>text{font:12px sans-serif;fill:#222}.t{font-weight:bold;font-size:14px}'
        '.l{text-anchor:end}.we{fill:#2a7ab9}.they{fill:#b8b8b8}</style>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="22">{escape(done[-1][0]["machine"])}; shorter is faster</text>',
        *parts, '</svg>', ''])
