"""The page that opens by double click: `page/approxlab.html`, built from `page/sources`.

`python -m page` puts the modules, the style and the frame together into one file without any
address in it, so that it works from a disk. The sources are plain JavaScript modules; a browser
reads no modules from a disk, so their `import` lines are dropped and they become one script. For
this every name at the top of a module is unique on the page, which the script itself enforces.
"""
