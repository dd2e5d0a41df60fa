# ruff: noqa: E501 - the scripts are read by a browser
"""What a reader would notice of a page: text that is cut off, a page wider than the screen, text too pale to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.chromium import Browser

WIDTHS = (1280, 768, 390)

CUT_OFF = r"""(() => {
  document.querySelectorAll('details').forEach(each => each.open = true);
  const found = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`page: ${root.scrollWidth} of ${root.clientWidth}`);
  const hidden = element => { const s = getComputedStyle(element); return s.clipPath !== 'none' || s.display === 'none'; };
  for (const text of document.querySelectorAll('svg text')) {
    const own = text.getBoundingClientRect(), frame = text.ownerSVGElement.getBoundingClientRect();
    if (!own.width) continue;
    const over = Math.max(frame.left - own.left, own.right - frame.right, frame.top - own.top, own.bottom - frame.bottom);
    if (over > 1.5) found.push(`chart: ${text.textContent} by ${over.toFixed(1)}`);
  }
  for (const cell of document.querySelectorAll('td, th, dt, dd, p, li, caption, summary, summary span, h1, h2, h3, label, legend')) {
    if (hidden(cell) || !cell.clientWidth || cell.closest('.unseen')) continue;
    const over = cell.scrollWidth - cell.clientWidth;
    if (over > 1 && !cell.closest('.scroll')) found.push(`${cell.tagName}: ${cell.textContent.trim().slice(0, 60)} by ${over}`);
  }
  for (const box of document.querySelectorAll('*')) {
    const s = getComputedStyle(box);
    if (s.textOverflow === 'ellipsis' && box.scrollWidth > box.clientWidth) found.push(`ellipsis: ${box.textContent}`);
  }
  return found;
})()"""

PALE = r"""(() => {
  const channel = v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const rgb = text => (text.match(/[\d.]+/g) || []).map(Number);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest('svg.chart, style, .unseen, .skip')) continue;
    const style = getComputedStyle(element);
    const ink = rgb(element.closest('svg') ? style.fill : style.color), paper = ground(element);
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.add(`${ratio.toFixed(2)}: ${element.className} ${walker.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return [...found];
})()"""

NAMELESS = r"""(() => {
  const found = [];
  const named = e => e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim();
  for (const e of document.querySelectorAll('a, button, summary')) if (!named(e)) found.push(e.outerHTML.slice(0, 90));
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!e.labels?.length && !e.getAttribute('aria-label')) found.push(e.outerHTML.slice(0, 90));
  for (const e of document.querySelectorAll('svg')) if (e.getAttribute('aria-hidden') !== 'true' &&
    !(e.getAttribute('role') === 'img' && (e.getAttribute('aria-label') || e.querySelector('title')))) found.push(e.outerHTML.slice(0, 90));
  if (!document.documentElement.lang) found.push('no language');
  if (!document.title) found.push('no title');
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
  if (document.querySelectorAll('main').length !== 1) found.push('not one main');
  let last = 0;
  for (const h of document.querySelectorAll('h1, h2, h3, h4')) {
    const level = Number(h.tagName[1]);
    if (level > last + 1) found.push(`heading ${h.textContent.trim()} skips a level`);
    last = level;
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of new Set(ids)) if (ids.filter(x => x === id).length > 1) found.push(`id ${id} twice`);
  for (const e of document.querySelectorAll('[aria-labelledby]'))
    for (const id of e.getAttribute('aria-labelledby').split(' ')) if (!document.getElementById(id)) found.push(`no ${id}`);
  for (const e of document.querySelectorAll('.scroll')) if (e.tabIndex !== 0) found.push('a scrolling box without the keyboard');
  return found;
})()"""


def cut_off(browser: Browser) -> list[str]:
    """Texts that are cut off or run out of their box, with all folds open."""
    return _list(browser, CUT_OFF)


def pale(browser: Browser) -> list[str]:
    """Texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    return _list(browser, PALE)


def nameless(browser: Browser) -> list[str]:
    """What a screen reader could not name, and headings, ids and references that are not in order."""
    return _list(browser, NAMELESS)


def _list(browser: Browser, script: str) -> list[str]:
    found: Any = browser.evaluate(script)
    return list(found)


AXE = Path(__file__).parent / "vendor" / "axe.min.js"
"""axe-core 4.12.1 by Deque Systems, under the Mozilla Public License 2.0. For these tests alone; nothing serves it."""
RUN_AXE = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(each =>
  `${each.id}: ${each.help}: ${each.nodes.map(node => node.html.slice(0, 80)).slice(0, 3).join(' | ')}`))"""


def axe(browser: Browser) -> list[str]:
    """What axe finds wrong with the page for people who use it otherwise than by sight and mouse."""
    browser.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    return _list(browser, RUN_AXE)
