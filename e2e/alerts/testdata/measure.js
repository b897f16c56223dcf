// Returns what is hard to read in the page that is shown: text below the contrast that
// WCAG 2.2 AA asks for (1.4.3), what is wider than the window (1.4.10), and links that
// are too small for a finger (2.5.8).
(() => {
  const amiss = [];
  const colour = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = (k) => top[k] * top.a + below[k] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  };
  const ground = (element) => {
    if (!element) {
      // What the browser paints below everything.
      return matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(document.documentElement).colorScheme.includes("dark")
        ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
    }
    const own = colour(getComputedStyle(element).backgroundColor);
    return own.a === 1 ? own : over(own, ground(element.parentElement));
  };
  const opacity = (element) => element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1;
  const luminance = (c) => [c.r, c.g, c.b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && box.right > 0 && getComputedStyle(element).visibility === "visible";
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(element) || !shown(element)) continue;
    seen.add(element);
    const style = getComputedStyle(element), below = ground(element);
    const ink = colour(style.color);
    ink.a *= opacity(element);
    const [a, b] = [luminance(over(ink, below)), luminance(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const words = texts.currentNode.data.trim().slice(0, 40);
    if (ratio < (large ? 3 : 4.5)) amiss.push(`"${words}" has a contrast of ${ratio.toFixed(2)}`);
    if (size < 12) amiss.push(`"${words}" is ${size} pixels high`);
  }

  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
    amiss.push(`it scrolls sideways: ${document.documentElement.scrollWidth} of ${innerWidth} pixels, ` +
      wide.slice(0, 3).map((e) => `${e.tagName} "${e.textContent.trim().slice(0, 40)}"`).join(", "));
  }

  const inText = (link) => [...link.parentElement.childNodes].some((n) => n !== link && n.nodeType === Node.TEXT_NODE && n.data.trim());
  for (const link of document.querySelectorAll("a[href], summary, button")) {
    const box = link.getBoundingClientRect();
    if (shown(link) && !inText(link) && getComputedStyle(link).display !== "inline" && (box.height < 24 || box.width < 24)) {
      amiss.push(`"${link.textContent.trim()}" is ${Math.round(box.width)} by ${Math.round(box.height)} pixels`);
    }
  }
  return amiss;
})()
