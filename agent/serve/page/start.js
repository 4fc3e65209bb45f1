// SPDX-License-Identifier: Apache-2.0
//
// The page is loaded when its first frame is on the screen: that is of HTML and CSS alone, and what else a
// browser fetches, compiles and draws meanwhile would hold it up.

const UNSEEN_MS = 500; // a page in the background is not painted

const load = () => import("./page.js"); // is loaded once, however often
new PerformanceObserver(load).observe({type: "paint", buffered: true});
setTimeout(load, UNSEEN_MS);
