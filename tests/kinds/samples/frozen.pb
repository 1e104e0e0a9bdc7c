

xPlaceholder

yRelux"ó
